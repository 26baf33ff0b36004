using System.Text;
using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.TextToSql;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Cli.Asking.Page;

/// <summary>What the page gets: objects, and events of one object each.</summary>
internal static class PageJson
{
    /// <summary>The largest integer that a number of JavaScript holds.</summary>
    private const long MaxInteger = (1L << 53) - 1;

    /// <summary>Sends an object as a whole reply.</summary>
    public static async Task SendAsync(HttpContext context, Action<Utf8JsonWriter> members)
    {
        byte[] bytes = Object(members);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Begins a reply of events. Proxies must not collect them.</summary>
    public static void BeginEvents(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Sends an event.</summary>
    public static async Task SendEventAsync(HttpContext context, Action<Utf8JsonWriter> members)
    {
        byte[] bytes = [.. "data: "u8, .. Object(members), .. "\n\n"u8];
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Writes what happens.</summary>
    public static void WriteUpdate(Utf8JsonWriter json, AskUpdate update)
    {
        switch (update)
        {
            case AskUpdate.Begins(var number, var most):
                json.WriteString("type", "begins");
                json.WriteNumber("number", number);
                json.WriteNumber("most", most);
                break;
            case AskUpdate.Writes(var text):
                json.WriteString("type", "text");
                json.WriteString("text", text);
                break;
            case AskUpdate.Runs(var sql):
                json.WriteString("type", "sql");
                json.WriteString("sql", sql);
                break;
            case AskUpdate.Fails(var error, var isLast):
                json.WriteString("type", "fails");
                json.WriteString("error", error);
                json.WriteBoolean("last", isLast);
                break;
        }
    }

    /// <summary>Writes the end of a question.</summary>
    public static void WriteAnswer(Utf8JsonWriter json, AskAnswer answer)
    {
        json.WriteString("type", "answer");
        json.WriteString("sql", answer.Sql);
        json.WriteNumber("attempts", answer.Attempts.Count);
        json.WriteStartArray("notes");
        foreach (string note in answer.Notes) json.WriteStringValue(note);
        json.WriteEndArray();
        if (answer.Error is { } error) json.WriteString("error", error);
        WriteRows(json, answer.Result, answer.Elapsed);
    }

    /// <summary>Writes columns and rows.</summary>
    public static void WriteRows(Utf8JsonWriter json, SqlResult? result, TimeSpan elapsed)
    {
        RowText.WriteLists(json, result, MaxInteger);
        json.WriteBoolean("cut", result?.IsCut ?? false);
        json.WriteNumber("seconds", elapsed.TotalSeconds);
    }

    private static byte[] Object(Action<Utf8JsonWriter> members)
    {
        using var text = new StringWriter();
        JsonResult.Write(text, members);
        return Encoding.UTF8.GetBytes(text.ToString().TrimEnd('\n'));
    }
}
