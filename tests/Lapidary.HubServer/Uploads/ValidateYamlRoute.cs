using System.Text.Json.Nodes;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Uploads;

/// <summary>Is a README's front matter good?</summary>
internal static class ValidateYamlRoute
{
    public static async Task RunAsync(HubCall call)
    {
        // A token may come and is not needed (what the Hub does is not known): nothing of a repository is told.
        _ = call.Token;
        var body = await call.ReadJsonAsync();
        string content = (string?)body["content"] ?? throw HubFailure.Violation("\"content\" is missing");
        string type = (string?)body["repoType"] ?? throw HubFailure.Violation("\"repoType\" is missing");
        var kind = KindNames.FromPlural(type + "s") ?? throw HubFailure.Violation($"repoType is \"{type}\"");
        var (errors, warnings) = CardCheck.Run(content, kind);
        if (errors.Count == 0) call.Server.CheckedCards[content] = true;
        await call.JsonAsync(new JsonObject { ["errors"] = Messages(errors), ["warnings"] = Messages(warnings) },
            errors.Count == 0 ? 200 : 400);
    }

    private static JsonArray Messages(List<string> texts) => new([.. texts.Select(text => new JsonObject { ["message"] = text })]);
}
