using Lapidary.TestHub.Http;
using Lapidary.TestHub.Uploads;

namespace Lapidary.TestHub.Routes;

/// <summary>From a path to its route. What is not listed here is asked by no client: 404, and a violation.</summary>
internal static class Router
{
    private static readonly HashSet<string> Actions = new(StringComparer.Ordinal)
    {
        "revision", "tree", "paths-info", "refs", "commits", "auth-check", "preupload", "commit", "branch", "tag", "xet-read-token",
        "xet-write-token",
    };

    public static Task RunAsync(HubCall call) => call.Log.Host switch
    {
        HubHost.Storage => StorageAsync(call),
        HubHost.Foreign => throw new HubFailure(404, "This is a foreign host."),
        _ => call.Segments is ["api", ..] ? ApiAsync(call) : PageAsync(call),
    };

    private static Task StorageAsync(HubCall call) => (call.Request.Method, call.Segments) switch
    {
        ("GET" or "HEAD", ["cdn", ..]) => StorageRoute.DownloadAsync(call),
        (_, ["upload", ..]) => StorageUploadRoute.PutAsync(call),
        _ => throw Unlisted(call),
    };

    private static Task ApiAsync(HubCall call)
    {
        string method = call.Request.Method;
        switch (method, call.Segments)
        {
            case ("GET", ["api", "whoami-v2"]): return WhoAmIRoute.RunAsync(call);
            case ("GET", ["api", "agent-harnesses"]): throw new HubFailure(404, "Not Found"); // asked by Python, calmly refused
            case ("POST", ["api", "repos", "create"]): return RepoRoutes.CreateAsync(call);
            case ("DELETE", ["api", "repos", "delete"]): return RepoRoutes.DeleteAsync(call);
            case ("POST", ["api", "validate-yaml"]): return ValidateYamlRoute.RunAsync(call);
            case ("POST", ["api", "complete_multipart"]): return CompletionRoute.RunAsync(call);
            case ("GET" or "HEAD", ["api", "resolve-cache", var plural, var owner, var name, var commit, .. var file]):
                return ResolveRoute.CachedAsync(call, Kind(call, plural), $"{owner}/{name}", commit, string.Join('/', file));
            case (_, ["api", "models" or "datasets" or "spaces", _, ..]):
                var kind = Kind(call, call.Segments[1]);
                var rest = call.Segments[2..];
                bool hasOwner = rest.Length > 1 && !Actions.Contains(rest[1]);
                string id = hasOwner ? $"{rest[0]}/{rest[1]}" : rest[0];
                return call.Repository(kind, id) is { } repository
                    ? RepositoryAsync(call, method, repository, rest[(hasOwner ? 2 : 1)..]) : Task.CompletedTask;
            default: throw Unlisted(call);
        }
    }

    private static Task RepositoryAsync(HubCall call, string method, HubRepository repository, string[] action) => (method, action) switch
    {
        ("GET" or "HEAD", []) => InfoRoute.RunAsync(call, repository, "main"),
        ("GET" or "HEAD", ["revision", var revision]) => InfoRoute.RunAsync(call, repository, revision),
        ("GET", ["tree", var revision, .. var path]) => TreeRoute.RunAsync(call, repository, revision, string.Join('/', path)),
        ("POST", ["paths-info", var revision]) => PathsInfoRoute.RunAsync(call, repository, revision),
        ("GET", ["refs"]) => RefsRoute.ListAsync(call, repository),
        ("GET", ["commits", var revision]) => RefsRoute.CommitsAsync(call, repository, revision),
        ("GET", ["auth-check"]) => InfoRoute.AuthCheckAsync(call, repository),
        ("POST", ["branch", var name]) => RefsRoute.CreateBranchAsync(call, repository, name),
        ("DELETE", ["branch", var name]) => RefsRoute.DeleteBranchAsync(call, repository, name),
        ("POST", ["preupload", var revision]) => PreuploadRoute.RunAsync(call, repository, revision),
        ("POST", ["commit", var revision]) => CommitRoute.RunAsync(call, repository, revision),
        // There is no Xet here; a client without it never asks.
        ("GET", ["xet-read-token" or "xet-write-token", _]) => throw new HubFailure(404, "Not Found"),
        _ => throw Unlisted(call),
    };

    /// <summary>Pages of a repository: [datasets/|spaces/] owner/name / resolve / revision / file, and its LFS.</summary>
    private static Task PageAsync(HubCall call)
    {
        var segments = call.Segments;
        var kind = HubRepoKind.Model;
        if (segments is ["datasets" or "spaces", .. var rest])
        {
            kind = Kind(call, segments[0]);
            segments = rest;
        }

        // "/org/name.git/info/lfs/objects/batch": the id ends in .git here.
        if (segments is [.. var repository, "info", "lfs", "objects", var what] && repository is [.., _]
            && repository[^1].EndsWith(".git", StringComparison.Ordinal) && call.Request.Method == "POST")
        {
            string id = string.Join('/', repository)[..^".git".Length];
            if (what is not ("batch" or "verify")) throw Unlisted(call);
            return call.Repository(kind, id) is not { } found ? Task.CompletedTask
                : what == "batch" ? LfsBatchRoute.RunAsync(call, found) : LfsVerifyRoute.RunAsync(call, found);
        }

        int at = segments is [_, "resolve", ..] ? 1 : segments is [_, _, "resolve", ..] ? 2 : throw Unlisted(call);
        if (segments.Length < at + 3 || call.Request.Method is not ("GET" or "HEAD")) throw Unlisted(call);
        string path = string.Join('/', segments[(at + 2)..]);
        return ResolveRoute.RunAsync(call, kind, string.Join('/', segments[..at]), segments[at + 1], path);
    }

    private static HubRepoKind Kind(HubCall call, string plural) => KindNames.FromPlural(plural) ?? throw Unlisted(call);

    private static HubFailure Unlisted(HubCall call) =>
        HubFailure.Violation($"no client asks {call.Request.Method} {call.Log.RawPath}", 404);
}
