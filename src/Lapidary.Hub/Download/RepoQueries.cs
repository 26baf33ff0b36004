using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Lapidary.Hub.Cache;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Download;

/// <summary>Asks the Hub about a repository.</summary>
internal sealed class RepoQueries(HubOptions options, HubHttp http)
{
    /// <summary>Far above the Hub's recommended limit (100,000): an endless list is stopped.</summary>
    private const int MaxFiles = 2_000_000;

    /// <summary>Lists that were requested: a caller that lists files and then fetches some needs one request.</summary>
    private readonly ConcurrentDictionary<(HubRepo Repo, string Commit), IReadOnlyList<RepoFile>> _files = new();

    /// <summary>Describes a repository at a revision.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="revision">Branch, tag or commit.</param>
    /// <param name="retries">Attempts after the first.</param>
    /// <param name="cancellation">Cancels the call.</param>
    public async Task<RepoInfo> InfoAsync(HubRepo repo, string revision, int retries, CancellationToken cancellation)
    {
        CacheRefs.Require(revision);
        var call = HubCall.Get(http.Urls.Api(repo, $"revision/{Uri.EscapeDataString(revision)}")).About(repo, revision);
        call = call with { IsDownload = true, Retries = retries };
        var json = await http.SendJsonAsync(call, cancellation).ConfigureAwait(false) as JsonObject;
        string commit = Text(json?["sha"]) ?? "";
        if (json is null || !CacheRefs.IsCommit(commit)) throw HubHttp.NoHub(call, "an answer without the commit (sha)");
        bool isGated = json["gated"] is JsonValue gated && (gated.TryGetValue(out bool isTrue) ? isTrue : gated.TryGetValue(out string? _));
        bool isPrivate = json["private"] is JsonValue value && value.TryGetValue(out bool is1) && is1;
        string[] tags = json["tags"] is JsonArray list ? [.. list.Select(Text).OfType<string>()] : [];
        return new RepoInfo(Text(json["id"]) ?? repo.Id, commit, isPrivate, isGated, tags);
    }

    /// <summary>The files of a commit, by path; requested once, because they never change.</summary>
    public async Task<IReadOnlyList<RepoFile>> FilesAsync(HubRepo repo, string commit, CancellationToken cancellation)
    {
        var cache = new CacheFolder(options.CacheFolder, repo);
        if (_files.TryGetValue((repo, commit), out var known)) return known;
        if (CachedTree.Read(cache.Tree(commit)) is { } cached) return cached;
        var call = HubCall.Get(http.Urls.Api(repo, $"tree/{commit}?recursive=true&expand=false")).About(repo, commit);
        call = call with { IsDownload = true };
        var items = await http.SendPagesAsync(call, MaxFiles, cancellation).ConfigureAwait(false);
        var files = new List<RepoFile>();
        foreach (var item in items)
        {
            var entry = item as JsonObject;
            if (Text(entry?["type"]) == "directory") continue;
            files.Add(ToFile(entry) ?? throw HubHttp.NoHub(call, "a list of files with an entry without path, size or oid"));
        }

        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return _files[(repo, commit)] = files;
    }

    /// <summary>Branches and tags with their commits.</summary>
    public async Task<IReadOnlyDictionary<string, string>> RefsAsync(HubRepo repo, CancellationToken cancellation)
    {
        var call = HubCall.Get(http.Urls.Api(repo, "refs")).About(repo);
        var json = await http.SendJsonAsync(call, cancellation).ConfigureAwait(false) as JsonObject;
        var refs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string kind in (string[])["tags", "branches", "converts"])
        {
            foreach (var item in json?[kind] as JsonArray ?? [])
            {
                string? name = Text(item?[kind == "converts" ? "ref" : "name"]), commit = Text(item?["targetCommit"]);
                if (name is null || commit is null) throw HubHttp.NoHub(call, "a list of branches with an entry without name or commit");
                refs[name] = commit;
            }
        }

        return refs;
    }

    private static RepoFile? ToFile(JsonObject? entry)
    {
        var lfs = entry?["lfs"] as JsonObject;
        string? path = Text(entry?["path"]), oid = Text(entry?["oid"]), sha256 = Text(lfs?["oid"]);
        long? size = Number(lfs?["size"]) ?? Number(entry?["size"]);
        if (path is null || size is not >= 0 || !ContentHash.IsEtag(sha256 ?? oid) || (sha256 is null) != (lfs is null)) return null;
        return new RepoFile(path, size.Value, oid ?? "", sha256);
    }

    private static string? Text(JsonNode? node)
    {
        try
        {
            return node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null; // Half a surrogate pair.
        }
    }

    private static long? Number(JsonNode? node) => node is JsonValue value && value.TryGetValue(out long number) ? number : null;
}
