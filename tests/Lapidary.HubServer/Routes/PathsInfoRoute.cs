using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>The tree's entries of named paths; those that are not there are left out. Python sends a form, JavaScript JSON.</summary>
internal static class PathsInfoRoute
{
    public static async Task RunAsync(HubCall call, HubRepository repository, string revision)
    {
        if (repository.GateHidesInfo) Access.ReadFiles(repository, call.Token);
        var commit = call.Commit(repository, revision);
        List<string> paths;
        bool isExpanded;
        if (call.Request.HasFormContentType)
        {
            var form = await call.Request.ReadFormAsync(call.Cancel);
            paths = [.. form["paths"].OfType<string>()];
            isExpanded = form["expand"].ToString().Equals("true", StringComparison.OrdinalIgnoreCase);
        }
        else
        {
            var body = await call.ReadJsonAsync();
            paths = [.. (body["paths"] as JsonArray ?? throw HubFailure.Violation("\"paths\" is missing")).Select(path => (string)path!)];
            isExpanded = (bool?)body["expand"] ?? false;
        }

        var items = new JsonArray();
        foreach (string path in paths)
        {
            if (commit.Files.TryGetValue(path, out var file)) items.Add((JsonNode)Json.File(call, file, isExpanded));
            else if (commit.Files.Keys.Any(name => name.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)))
            {
                items.Add((JsonNode)Json.Folder(call, path.TrimEnd('/'), commit, isExpanded));
            }
        }

        await call.JsonAsync(items);
    }
}
