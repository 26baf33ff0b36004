using System.Security;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.TestHub.Http;

/// <summary>Refusals on the wire: JSON and X-Error-* headers from the Hub, XML from storage as S3 writes it.</summary>
internal static class ErrorAnswer
{
    public static async Task WriteAsync(HubCall call, HubFailure failure)
    {
        if (failure.IsViolation) call.Violation(failure.Message);
        var response = call.Response;
        if (response.HasStarted)
        {
            call.Context.Abort();
            return;
        }

        response.Headers.Clear();
        foreach (var (name, value) in failure.Headers) response.Headers[name] = value;
        if (call.Log.Host != HubHost.Api)
        {
            await WriteXmlAsync(call, failure);
            return;
        }

        if (failure.Code is not null) response.Headers["X-Error-Code"] = failure.Code;
        response.Headers["X-Error-Message"] = Ascii(failure.Message);
        if (failure.RepoCommit is not null) response.Headers["X-Repo-Commit"] = failure.RepoCommit;
        if (failure.Status == 401) response.Headers.WWWAuthenticate = "Bearer realm=\"Authentication required\"";
        await call.JsonAsync(failure.Body ?? new JsonObject { ["error"] = failure.Message }, failure.Status);
    }

    private static async Task WriteXmlAsync(HubCall call, HubFailure failure)
    {
        string text = SecurityElement.Escape(failure.Message);
        byte[] body = Encoding.UTF8.GetBytes($"""
            <?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>{failure.StorageCode}</Code><Message>{text}</Message><RequestId>{call.Log.Number}</RequestId></Error>
            """);
        call.Response.StatusCode = failure.Status;
        call.Response.ContentType = "application/xml";
        call.Response.ContentLength = body.Length;
        if (!call.IsHead) await call.Response.Body.WriteAsync(body, call.Cancel);
    }

    private static string Ascii(string text) => string.Concat(text.Select(letter => letter is >= ' ' and <= '~' ? letter : '?'));
}
