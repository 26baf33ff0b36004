using System.Text;
using Lapidary.Formats;
using Lapidary.Server.Http;
using Lapidary.Server.Monitoring;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>From a request to its endpoint, and from an exception to its reply.</summary>
/// <param name="state">What all requests share.</param>
/// <param name="gate">Who is let in.</param>
internal sealed class Router(ServerState state, Gatekeeper gate)
{
    private const string Chat = "/v1/chat/completions", Text = "/v1/completions", Models = "/v1/models", Health = "/health";
    private const string Metrics = "/metrics", Other = "other";

    private const int CallerLeft = 499;

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        string path = (context.Request.Path.Value ?? "").TrimEnd('/');
        string known = path is Chat or Text or Models or Health or Metrics || IsOfPage(path) ? path
            : IsModel(path) ? Models : Other;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
        int status;
        try
        {
            await RouteAsync(context, path).ConfigureAwait(false);
            status = context.Response.StatusCode;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested || context.Response.HasStarted)
        {
            status = CallerLeft;
            context.Abort();
        }
        catch (Exception e)
        {
            status = await FailAsync(context, e).ConfigureAwait(false);
        }

        state.Metrics.Count(known, status);
    }

    /// <summary>The reply to an exception. What is not the caller's mistake may name files of this machine, so the reply has only the id
    /// by which the server's log tells it.</summary>
    public static ApiException ErrorOf(HttpContext context, Exception error) => error switch
    {
        ApiException known => known,
        BadHttpRequestException bad => new(bad.StatusCode, ApiException.InvalidRequest, null, null, bad.Message),
        // Of the model or the device: what callers do wrong is known before the engine is asked.
        LapidaryException => Failure(context, "The model or the device failed"),
        OutOfMemoryException => Failure(context, "There is not enough memory"),
        _ => Failure(context, "An internal error"),
    };

    private static ApiException Failure(HttpContext context, string what) => new(
        StatusCodes.Status500InternalServerError, ApiException.ServerError, null, null,
        $"{what}; the server's log has the reason under the id {context.TraceIdentifier}.");

    private ApiException TooLarge() => new(
        StatusCodes.Status413PayloadTooLarge, ApiException.InvalidRequest, "request_too_large", null,
        $"The body is larger than {state.Options.MaxBodyBytes} bytes, this server's limit; send a smaller one.");

    private bool IsOfPage(string path) => state.Options.Page?.Owns(path) == true;

    private static bool IsModel(string path) => path.StartsWith(Models + "/", StringComparison.Ordinal);

    private async Task<int> FailAsync(HttpContext context, Exception error)
    {
        bool isTooLarge = error is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge };
        var reply = isTooLarge ? TooLarge() : ErrorOf(context, error);
        if (reply.Status == StatusCodes.Status500InternalServerError) state.Options.Report?.Invoke(Describe(context, error));
        if (context.Response.HasStarted)
        {
            context.Abort(); // a cut reply must not look whole
            return reply.Status;
        }

        try
        {
            await Reply.SendAsync(context, reply).ConfigureAwait(false);
            return reply.Status;
        }
        catch (OperationCanceledException)
        {
            return CallerLeft;
        }
    }

    private static string Describe(HttpContext context, Exception error) =>
        $"{context.Request.Method} {Found.Of(context.Request.Path.Value ?? "")}, id {context.TraceIdentifier}: "
        + (error is LapidaryException ? error.Message : $"unexpected {error.GetType().Name}: {error.Message}");

    private async Task RouteAsync(HttpContext context, string path)
    {
        if (path == Health)
        {
            RequireRead(context);
            int status = state.Status == "ok" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            if (status != StatusCodes.Status200OK) context.Response.Headers.RetryAfter = "1";
            await Reply.SendAsync(context, status, new Health(state.Status), ServerJson.Default.Health).ConfigureAwait(false);
            return;
        }

        if (path.Length == 0 && state.Options.Page is { } page)
        {
            RequireRead(context);
            await page.SendAsync(context).ConfigureAwait(false);
            return;
        }

        var caller = gate.Check(context.Request);
        switch (path)
        {
            case var _ when IsOfPage(path):
                _ = state.Models; // 503 before they are there
                await state.Options.Page!.HandleAsync(context, path).ConfigureAwait(false);
                break;
            case Chat:
                RequireMethod(context, HttpMethods.Post);
                await Completions.ChatAsync(context, state, caller).ConfigureAwait(false);
                break;
            case Text:
                RequireMethod(context, HttpMethods.Post);
                await Completions.TextAsync(context, state, caller).ConfigureAwait(false);
                break;
            case Models:
                RequireRead(context);
                var list = new ModelList("list", [.. state.Models.Select(Info)]);
                await Reply.SendAsync(context, StatusCodes.Status200OK, list, ServerJson.Default.ModelList).ConfigureAwait(false);
                break;
            case Metrics:
                RequireRead(context);
                await MetricsAsync(context).ConfigureAwait(false);
                break;
            case var _ when IsModel(path):
                RequireRead(context);
                // The server leaves an escaped slash in a path as it is, because it is part of a name.
                var model = state.Find(Uri.UnescapeDataString(path[(Models.Length + 1)..]));
                await Reply.SendAsync(context, StatusCodes.Status200OK, Info(model), ServerJson.Default.ModelInfo).ConfigureAwait(false);
                break;
            default:
                throw new ApiException(
                    StatusCodes.Status404NotFound, ApiException.InvalidRequest, "not_found", null,
                    $"There is no {Found.Of(path.Length == 0 ? "/" : path)}; expected {Chat}, {Text}, {Models}, {Health} or {Metrics}.");
        }
    }

    private async Task MetricsAsync(HttpContext context)
    {
        var engines = state.Known.Select(model => EngineFigures.Of(model.Id, model.Engine));
        byte[] text = Encoding.UTF8.GetBytes(state.Metrics.Write(engines));
        context.Response.ContentType = ServerMetrics.ContentType;
        context.Response.ContentLength = text.Length;
        await context.Response.Body.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
    }

    private ModelInfo Info(ServedModel model) =>
        new(model.Id, "model", state.Created, "lapidary", model.Parent ?? model.Id, model.Parent, model.MaxLength);

    private static void RequireRead(HttpContext context) => RequireMethod(context, HttpMethods.Get, HttpMethods.Head);

    private static void RequireMethod(HttpContext context, params string[] methods)
    {
        if (methods.Contains(context.Request.Method)) return;
        context.Response.Headers.Allow = string.Join(", ", methods);
        throw new ApiException(
            StatusCodes.Status405MethodNotAllowed, ApiException.InvalidRequest, "method_not_allowed", null,
            $"Expected {methods[0]}, found {Found.Of(context.Request.Method)}.");
    }
}
