using System.IO.Compression;
using System.Text;
using Lapidary.TestHub.Faults;
using Lapidary.TestHub.Routes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lapidary.TestHub.Http;

/// <summary>Every request's way: log, faults, checks that hold for all, route, answer.</summary>
internal sealed class Pipeline(HubServer server)
{
    public async Task RunAsync(HttpContext context)
    {
        var host = server.HostOf(context.Connection.LocalPort);
        string target = Target(context);
        if (host == HubHost.Api && target.StartsWith("/-/", StringComparison.Ordinal))
        {
            await ControlRoute.RunAsync(server, context, target);
            return;
        }

        var log = server.Log.Add(host, context.Request, target);
        var faults = server.TakeFaults(log);
        var call = new HubCall(server, context, log) { IsAnswerLost = faults.Any(fault => fault.LosesAnswer) };
        if (faults.Any(fault => fault.CutRequestAfter < 0))
        {
            context.Abort();
            return;
        }

        foreach (var fault in faults) fault.BeforeAnswer?.Invoke(server);
        if (faults.Any(fault => fault.IgnoresRange)) context.Request.Headers.Remove("Range");
        var delay = faults.Select(fault => fault.Delay).DefaultIfEmpty().Max();
        var answer = new AnswerStream(context.Response.Body, context, log, faults);
        bool isHeld = faults.Any(fault => fault.LosesAnswer || fault.AfterAnswer is not null);
        bool isZipped = faults.Any(fault => fault.Zips) && !context.Request.Headers.ContainsKey("Range")
            && context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.Ordinal);
        context.Request.Body = new RequestStream(context.Request.Body, context, log,
            faults.Min(fault => fault.CutRequestAfter) ?? long.MaxValue);
        context.Response.OnStarting(() =>
        {
            FinishHeaders(context.Response, log, faults, isZipped);
            return Task.CompletedTask;
        });
        await using var held = new MemoryStream();
        await using var zip = isZipped ? new GZipStream(answer, CompressionLevel.Fastest, leaveOpen: true) : null;
        context.Response.Body = isHeld ? held : zip ?? (Stream)answer;
        try
        {
            if (delay > TimeSpan.Zero) await Task.Delay(delay, context.RequestAborted);
            await AnswerAsync(call, faults);
            if (isHeld)
            {
                foreach (var fault in faults) fault.AfterAnswer?.Invoke(server);
                if (faults.Any(fault => fault.LosesAnswer))
                {
                    context.Abort();
                    return;
                }

                context.Response.Body = zip ?? (Stream)answer;
                await context.Response.Body.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), call.Cancel);
            }

            if (zip is not null) await zip.DisposeAsync();
            await answer.EndAsync();
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            context.Abort(); // cut, stalled, or the client went away
        }
    }

    private static async Task AnswerAsync(HubCall call, IReadOnlyList<HubFault> faults)
    {
        try
        {
            CheckAll(call);
            if (faults.FirstOrDefault(fault => fault.RedirectTo is not null) is { RedirectTo: { } location })
            {
                call.Redirect(302, location.Length > 0 ? location : call.Log.RawPath + call.Request.QueryString);
            }
            else if (faults.FirstOrDefault(fault => fault.AnswerStatus is not null) is { } fault)
            {
                var failure = new HubFailure(fault.AnswerStatus!.Value, fault.AnswerText)
                {
                    Code = fault.AnswerCode,
                    StorageCode = fault.AnswerStatus == 403 ? "AccessDenied" : "InternalError",
                };
                foreach (var (name, value) in fault.AnswerHeaders) failure.Headers[name] = value;
                throw failure;
            }
            else
            {
                if (call.Log.Host == HubHost.Api && call.Server.Options.RateLimit is { } limit) call.Server.Limiter.Check(call, limit);
                await Router.RunAsync(call);
            }

            if (call.RedirectBody is { } text && !call.IsHead)
            {
                await call.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), call.Cancel);
            }
        }
        catch (HubFailure failure)
        {
            await ErrorAnswer.WriteAsync(call, failure);
        }
        catch (Exception error) when (error is InvalidOperationException or FormatException && error.Source == "System.Text.Json")
        {
            await ErrorAnswer.WriteAsync(call, HubFailure.Violation($"a value of the body is of another type: {error.Message}"));
        }
        catch (Exception error) when (error is not (OperationCanceledException or IOException or BadHttpRequestException))
        {
            // A fault of the stand-in itself must not look like one that it plays.
            call.Violation($"the test server failed: {error}");
            await ErrorAnswer.WriteAsync(call, new HubFailure(500, $"the test server failed: {error.Message}"));
        }
    }

    private static void CheckAll(HubCall call)
    {
        string agent = call.Request.Headers.UserAgent.ToString();
        if (call.Server.RefusesAll) throw HubFailure.Violation("no request was to come");
        if (agent.Length == 0 || !agent.StartsWith(call.Server.Options.UserAgent, StringComparison.Ordinal))
        {
            throw HubFailure.Violation($"User-Agent is \"{agent}\", expected {call.Server.Options.UserAgent}…");
        }

        if (call.Log.Host == HubHost.Foreign && call.Log.HasAuthorization)
        {
            throw HubFailure.Violation("Authorization came to a foreign host");
        }

        if (call.Server.Accounts.AnyIn(call.Log.RawPath + call.Log.Query + string.Join(' ', call.Log.Headers.Values)))
        {
            throw HubFailure.Violation("a token stands where only Authorization may hold it");
        }
    }

    private void FinishHeaders(HttpResponse response, HubRequest log, IReadOnlyList<HubFault> faults, bool isZipped)
    {
        log.Status = response.StatusCode;
        response.Headers["X-Request-Id"] = $"Root=1-{log.Number:x8}";
        foreach (var fault in faults)
        {
            foreach (string name in fault.RemovedHeaders) response.Headers.Remove(name);
            if (fault.Etag is { } change)
            {
                foreach (string name in (string[])["ETag", "X-Linked-Etag"])
                {
                    if (response.Headers.TryGetValue(name, out var value)) response.Headers[name] = change(value.ToString());
                }
            }

            if (fault.LinksAbroad && response.Headers.Link.Count > 0)
            {
                response.Headers.Link = response.Headers.Link.ToString().Replace(server.ApiUrl, server.ForeignUrl);
            }

            if (response.ContentLength is { } length) response.ContentLength = Math.Max(0, length + fault.LengthDelta);
        }

        if (!isZipped || response.StatusCode != 200) return;
        response.ContentLength = null;
        response.Headers.ContentEncoding = "gzip";
    }

    /// <summary>The target as sent, with "%2F" in it; a client that takes the server for its proxy sends a whole URL.</summary>
    private static string Target(HttpContext context)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (target.StartsWith('/')) return target;
        int path = target.IndexOf('/', target.IndexOf("://", StringComparison.Ordinal) + 3);
        return path < 0 ? "/" : target[path..];
    }
}
