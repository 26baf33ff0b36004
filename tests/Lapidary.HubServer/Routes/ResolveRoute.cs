using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>A file's URL. Git's own files lie behind a relative 307 on this host, those of LFS behind a 302 to a signed URL on
/// the other.</summary>
internal static class ResolveRoute
{
    public static Task RunAsync(HubCall call, HubRepoKind kind, string id, string revision, string path)
    {
        CheckRequest(call, path);
        if (call.Repository(kind, id) is not { } repository) return Task.CompletedTask;
        var commit = call.Commit(repository, revision);
        Access.ReadFiles(repository, call.Token);
        if (!commit.Files.TryGetValue(path, out var file)) throw HubFailure.NoEntry(commit.Oid);

        var headers = call.Response.Headers;
        headers["X-Repo-Commit"] = commit.Oid;
        headers.AcceptRanges = "bytes";
        headers.ETag = $"\"{(file.IsLfs ? file.Oid : file.Hash)}\"";
        if (call.Request.Headers.IfNoneMatch.ToString() is { Length: > 0 } known && known.Contains(file.Hash, StringComparison.Ordinal))
        {
            call.Response.StatusCode = 304;
            return Task.CompletedTask;
        }

        if (!file.IsLfs)
        {
            // Seen in reports of the real Hub: "?%2Fns%2Fname%2Fresolve%2Fmain%2FFILE=&etag=%22HASH%22".
            string location = $"/api/resolve-cache/{kind.Plural()}/{repository.Id}/{commit.Oid}/{Escape(path)}"
                + $"?{Uri.EscapeDataString(call.Log.Path)}=&etag={Uri.EscapeDataString($"\"{file.Hash}\"")}";
            call.Redirect(307, location);
            return Task.CompletedTask;
        }

        headers["X-Linked-Etag"] = $"\"{file.Hash}\"";
        headers["X-Linked-Size"] = $"{file.Size}";
        if (call.Server.Options.AnnouncesXet)
        {
            headers["X-Xet-Hash"] = file.Hash;
            headers.Link = $"<{call.Server.ApiUrl}/api/{kind.Plural()}/{repository.Id}/xet-read-token/{commit.Oid}>; rel=\"xet-auth\"";
        }

        call.Redirect(302, call.Server.Signed.Sign(call.Server.StorageUrl, "GET", $"/cdn/{file.Hash}/{Escape(path)}",
            call.Server.Options.SignedUrlLifetime, file));
        return Task.CompletedTask;
    }

    /// <summary>Where the 307 leads.</summary>
    public static Task CachedAsync(HubCall call, HubRepoKind kind, string id, string oid, string path)
    {
        CheckRequest(call, path);
        if (call.Repository(kind, id) is not { } repository) return Task.CompletedTask;
        var commit = call.Commit(repository, oid);
        Access.ReadFiles(repository, call.Token);
        if (!commit.Files.TryGetValue(path, out var file) || file.IsLfs) throw HubFailure.NoEntry(commit.Oid);
        if (call.Query("etag") != $"\"{file.Hash}\"") throw HubFailure.Violation("the redirect's query was lost on the way");
        call.Response.Headers["X-Repo-Commit"] = commit.Oid;
        return RangeAnswer.WriteAsync(call, file, file.Hash);
    }

    private static void CheckRequest(HubCall call, string path)
    {
        string encoding = call.Request.Headers.AcceptEncoding.ToString();
        bool asksIdentity = encoding.Equals("identity", StringComparison.OrdinalIgnoreCase);
        if (call.IsHead && !asksIdentity)
        {
            throw HubFailure.Violation($"HEAD of a file has Accept-Encoding \"{encoding}\", expected identity");
        }

        if (call.Server.Options.RequiresIdentityForFiles && !asksIdentity && encoding.Length > 0
            && call.Request.Headers.Range.Count > 0)
        {
            throw HubFailure.Violation($"a Range request has Accept-Encoding \"{encoding}\", expected identity");
        }

        if (path.Split('/', '\\').Any(part => part is "" or "." or ".."))
        {
            throw HubFailure.Violation($"the file name \"{path}\" is one that no client may use");
        }
    }

    private static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
