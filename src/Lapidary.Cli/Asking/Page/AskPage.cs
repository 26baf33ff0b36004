using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Lapidary.Formats;
using Lapidary.Server;
using Lapidary.Server.Http;
using Lapidary.TextToSql;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Cli.Asking.Page;

/// <summary>The page of serve for questions about data: GET /ask/schema, POST /ask for a question, POST /ask/query for SQL.</summary>
/// <param name="data">The data, which all users share.</param>
/// <param name="maxWaiting">Most questions that may wait for the model.</param>
internal sealed class AskPage(AskedData data, int maxWaiting) : IServerPage, IDisposable
{
    private const string Ask = "/ask", Schema = "/ask/schema", Query = "/ask/query";

    private const int LongestQuestion = 4000;

    private static readonly PageText Html = PageText.Read("ask.html");

    /// <summary>Each has a thread. There are more than processors, so that some slow queries leave room for quick ones.</summary>
    private const int MostQueries = 16;

    /// <summary>Whoever waits longer is told to come again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>A user of the page cannot change them.</summary>
    private static readonly QueryLimits Limits = new() { MoreTime = "" };

    private readonly SemaphoreSlim _queries = new(MostQueries);

    private ServedModel? _model;
    private QuestionAsker? _asker;

    /// <summary>Sets the model that answers.</summary>
    public void Serve(ServedModel model)
    {
        _model = model;
        var options = new AskOptions { MaxLength = model.MaxLength, Limits = Limits };
        _asker = new QuestionAsker(data, model.Engine, model.Tokenizer, model.Template, options);
    }

    /// <inheritdoc/>
    public bool Owns(string path) => path is Ask or Schema or Query;

    /// <inheritdoc/>
    public Task SendAsync(HttpContext context) => Html.SendAsync(context);

    /// <inheritdoc/>
    public async Task HandleAsync(HttpContext context, string path)
    {
        string expected = path == Schema ? HttpMethods.Get : HttpMethods.Post;
        if (context.Request.Method != expected)
        {
            context.Response.Headers.Allow = expected;
            throw new ApiException(
                StatusCodes.Status405MethodNotAllowed, ApiException.InvalidRequest, "method_not_allowed", null, $"Expected {expected}.");
        }

        context.Response.Headers.CacheControl = "no-store";
        if (path == Schema) await SchemaAsync(context).ConfigureAwait(false);
        else if (path == Query) await QueryAsync(context).ConfigureAwait(false);
        else await AskAsync(context).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _queries.Dispose();

    /// <summary>The tables as they are now.</summary>
    private async Task SchemaAsync(HttpContext context)
    {
        try
        {
            data.Refresh(context.RequestAborted);
        }
        catch (LapidaryException e)
        {
            throw ApiException.Wrong(e.Message);
        }

        await PageJson.SendAsync(context, WriteSchema).ConfigureAwait(false);
    }

    private async Task QueryAsync(HttpContext context)
    {
        string sql = await FieldAsync(context, "sql").ConfigureAwait(false);
        if (!await _queries.WaitAsync(LongestWait, context.RequestAborted).ConfigureAwait(false))
        {
            throw ApiException.Later(
                StatusCodes.Status429TooManyRequests, "rate_limit_error", "too_many_requests", "Too many queries run; try again soon.");
        }

        try
        {
            long started = Stopwatch.GetTimestamp();
            var stop = context.RequestAborted;
            var result = await Task.Run(() => data.Query(sql, Limits, stop), stop).ConfigureAwait(false);
            var elapsed = Stopwatch.GetElapsedTime(started);
            await PageJson.SendAsync(context, json => PageJson.WriteRows(json, result, elapsed)).ConfigureAwait(false);
        }
        catch (LapidaryException e)
        {
            throw ApiException.Wrong(e.Message);
        }
        finally
        {
            _queries.Release();
        }
    }

    private async Task AskAsync(HttpContext context)
    {
        string question = await FieldAsync(context, "question").ConfigureAwait(false);
        if (question.Length > LongestQuestion)
            throw ApiException.Wrong("question", $"expected at most {LongestQuestion} characters, found {question.Length}.");
        if (!_model!.TryEnter(1, maxWaiting))
        {
            throw ApiException.Later(
                StatusCodes.Status429TooManyRequests, "rate_limit_error", "too_many_requests", "Too many questions wait; ask again soon.");
        }

        try
        {
            var updates = Channel.CreateUnbounded<AskUpdate>();
            var answer = Task.Run(() => _asker!.AskAsync(question, update => updates.Writer.TryWrite(update), context.RequestAborted));
            _ = answer.ContinueWith(_ => updates.Writer.Complete(), TaskScheduler.Default);
            PageJson.BeginEvents(context);
            await foreach (var update in updates.Reader.ReadAllAsync(context.RequestAborted).ConfigureAwait(false))
                await PageJson.SendEventAsync(context, json => PageJson.WriteUpdate(json, update)).ConfigureAwait(false);
            await EndAsync(context, answer).ConfigureAwait(false);
        }
        finally
        {
            _model.Leave(1);
        }
    }

    /// <summary>Sends the answer, or why there is none: the status of the reply was sent long ago.</summary>
    private static async Task EndAsync(HttpContext context, Task<AskAnswer> answer)
    {
        try
        {
            var found = await answer.ConfigureAwait(false);
            await PageJson.SendEventAsync(context, json => PageJson.WriteAnswer(json, found)).ConfigureAwait(false);
        }
        catch (LapidaryException e)
        {
            await PageJson.SendEventAsync(context, json =>
            {
                json.WriteString("type", "error");
                json.WriteString("error", e.Message);
            }).ConfigureAwait(false);
        }
    }

    private static async Task<string> FieldAsync(HttpContext context, string name)
    {
        using var body = await RequestBody.ReadAsync(context.Request).ConfigureAwait(false);
        return body.RootElement.ValueKind == JsonValueKind.Object && body.RootElement.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String && TextOf(value) is { } text && !string.IsNullOrWhiteSpace(text)
                ? text : throw ApiException.Wrong(name, "expected a text that is not empty.");
    }

    /// <summary>A text; null if it has half of a surrogate pair, which is no character.</summary>
    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private void WriteSchema(Utf8JsonWriter json)
    {
        json.WriteStartArray("statements");
        foreach (string statement in data.Schema.Split('\n')) json.WriteStringValue(statement);
        json.WriteEndArray();
        json.WriteStartArray("notes");
        foreach (string note in data.Notes) json.WriteStringValue(note);
        json.WriteEndArray();
    }
}
