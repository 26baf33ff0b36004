using System.Text;
using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>The files of a revision, page by page.</summary>
internal static class TreeRoute
{
    public static Task RunAsync(HubCall call, HubRepository repository, string revision, string path)
    {
        if (repository.GateHidesInfo) Access.ReadFiles(repository, call.Token);
        var commit = call.Commit(repository, revision);
        bool isExpanded = call.QueryFlag("expand");
        var entries = Entries(call, commit, path, call.QueryFlag("recursive"), isExpanded);
        if (path.Length > 0 && entries.Count == 0) throw HubFailure.NoEntry(commit.Oid);

        // Not known: the Hub's page size. 1000, and 50 expanded, are a stand-in's.
        int size = isExpanded ? call.Server.Options.ExpandedPageSize : call.Server.Options.PageSize;
        if (int.TryParse(call.Query("limit"), out int limit) && limit > 0) size = Math.Min(size, limit);
        int start = 0;
        if (call.Query("cursor") is { } cursor)
        {
            start = entries.FindIndex(entry => entry.Path == Decode(cursor)) + 1;
            if (start == 0) throw HubFailure.Violation("the cursor is none that was given");
        }

        var page = entries.Skip(start).Take(size).ToList();
        if (start + page.Count < entries.Count)
        {
            // Absolute, with every key of the request, white space after ";": JavaScript's pattern needs it.
            var keys = call.Request.Query.Where(pair => pair.Key != "cursor")
                .SelectMany(pair => pair.Value.Select(value => $"{pair.Key}={Uri.EscapeDataString(value ?? "")}"))
                .Append($"cursor={Uri.EscapeDataString(Encode(page[^1].Path))}");
            call.Response.Headers.Link = $"<{call.Server.ApiUrl}{call.Log.RawPath}?{string.Join('&', keys)}>; rel=\"next\"";
        }

        call.Response.Headers["X-Repo-Commit"] = commit.Oid;
        return call.JsonAsync(new JsonArray([.. page.Select(entry => entry.Make())]));
    }

    private static List<(string Path, Func<JsonNode> Make)> Entries(HubCall call, HubCommit commit, string path, bool isRecursive,
        bool isExpanded)
    {
        string prefix = path.Length == 0 ? "" : path.TrimEnd('/') + "/";
        var entries = new SortedDictionary<string, Func<JsonNode>>(StringComparer.Ordinal);
        foreach (var file in commit.Files.Values)
        {
            if (!file.Path.StartsWith(prefix, StringComparison.Ordinal)) continue;
            for (int slash = file.Path.IndexOf('/', prefix.Length); slash >= 0; slash = file.Path.IndexOf('/', slash + 1))
            {
                string folder = file.Path[..slash];
                if (folder.Length > 0) entries[folder] = () => Json.Folder(call, folder, commit, isExpanded);
                if (!isRecursive) break;
            }

            if (isRecursive || !file.Path[prefix.Length..].Contains('/', StringComparison.Ordinal))
            {
                entries[file.Path] = () => Json.File(call, file, isExpanded);
            }
        }

        return [.. entries.Select(pair => (pair.Key, pair.Value))];
    }

    private static string Encode(string path) => Convert.ToBase64String(Encoding.UTF8.GetBytes(path));

    private static string Decode(string cursor)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(cursor));
        }
        catch (FormatException)
        {
            return "";
        }
    }
}
