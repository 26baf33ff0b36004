using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>What no Hub has: "/-/violations" and "/-/requests", so that scripts of real clients can end with "and none".</summary>
internal static class ControlRoute
{
    public static async Task RunAsync(HubServer server, HttpContext context, string target)
    {
        JsonNode? answer = target switch
        {
            "/-/violations" => new JsonArray([.. server.Violations.Select(text => (JsonNode)text)]),
            "/-/requests" => new JsonArray([.. server.Requests.Select(Describe)]),
            "/-/storage" => server.StorageUrl,
            _ => null,
        };
        context.Response.StatusCode = answer is null ? 404 : 200;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer?.ToJsonString() ?? "{}", context.RequestAborted);
    }

    private static JsonObject Describe(HubRequest request) => new()
    {
        ["number"] = request.Number,
        ["host"] = request.Host.ToString(),
        ["method"] = request.Method,
        ["path"] = request.RawPath,
        ["query"] = request.Query,
        ["headers"] = new JsonObject(request.Headers.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ["authorization"] = request.HasAuthorization,
        ["user"] = request.User,
        ["status"] = request.Status,
        ["sent"] = request.BytesSent,
        ["received"] = request.BytesReceived,
    };
}
