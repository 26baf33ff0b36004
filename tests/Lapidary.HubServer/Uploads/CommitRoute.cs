using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Content;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Uploads;

/// <summary>Makes a commit of what was sent and uploaded.</summary>
internal static class CommitRoute
{
    public static async Task RunAsync(HubCall call, HubRepository repository, string revision)
    {
        CheckWrite(call, repository);
        var body = await CommitBody.ReadAsync(call);
        CheckParent(call.Commit(repository, revision), body);
        var files = body.Files.Select(file => RegularFile(call, repository, file.Path, file.Content))
            .Concat(body.LfsFiles.Select(file => LfsFile(call, repository, file.Path, file.Oid, file.Size))).ToList();
        var (commit, pull) = repository.Locked(() => Make(call, repository, revision, body, files));
        foreach (var file in files) repository.Preuploads.TryRemove(file.Path, out _);
        string page = $"{call.Server.ApiUrl}/{repository.Kind.Prefix()}{repository.Id}";
        var answer = new JsonObject
        {
            ["success"] = true,
            ["commitOid"] = commit.Oid,
            ["commitUrl"] = $"{page}/commit/{commit.Oid}",
            ["hookOutput"] = "",
        };
        if (pull is not null) answer["pullRequestUrl"] = $"{page}/discussions/{pull}";
        await call.JsonAsync(Json.WithUnknown(call, answer));
    }

    /// <summary>Everybody who may read may open a pull request.</summary>
    public static void CheckWrite(HubCall call, HubRepository repository)
    {
        if (!call.QueryFlag("create_pr") || call.Token is not { Writes: true }) Access.Write(repository, call.Token);
    }

    private static (HubCommit Commit, string? Pull) Make(HubCall call, HubRepository repository, string revision, CommitBody body,
        List<HubFile> files)
    {
        var head = call.Commit(repository, revision);
        CheckParent(head, body); // once more: now nobody comes between
        var deleted = new List<string>();
        foreach (var (path, isFolder) in body.Deleted)
        {
            string folder = path.TrimEnd('/') + "/";
            var hits = head.Files.Keys.Where(name => isFolder ? name.StartsWith(folder, StringComparison.Ordinal) : name == path).ToList();
            // Not known: what the Hub says to the deletion of an absent path. Decided here: the code of an absent file.
            if (hits.Count == 0) throw HubFailure.NoEntry(head.Oid);
            deleted.AddRange(hits);
        }

        CheckShape(head, files, deleted);
        string? pull = null, branch = revision == "HEAD" ? "main" : revision;
        if (call.QueryFlag("create_pr"))
        {
            pull = $"{1 + repository.Refs().Count(entry => entry.Name.StartsWith("refs/pr/", StringComparison.Ordinal))}";
            branch = $"refs/pr/{pull}";
            repository.SetRef(branch, head.Oid);
        }
        else if (repository.Find("refs/heads/" + branch) is null && !branch.StartsWith("refs/pr/", StringComparison.Ordinal))
        {
            throw HubFailure.NoRevision(branch); // a commit goes to a branch: no tag, no commit id
        }

        // Not known: what an empty commit gives. Decided here: a commit, since JavaScript sends one.
        return (repository.Commit(body.Summary, files, deleted, branch, body.Description, call.Token!.User.Name), pull);
    }

    private static void CheckParent(HubCommit head, CommitBody body)
    {
        if (body.Parent is { } parent && !head.Oid.StartsWith(parent, StringComparison.Ordinal))
        {
            throw new HubFailure(412, "A commit has happened since. Please refresh and try again.");
        }
    }

    private static HubFile RegularFile(HubCall call, HubRepository repository, string path, byte[] content)
    {
        var entry = repository.Preuploads.GetValueOrDefault(path)
            ?? throw HubFailure.Violation($"\"{path}\" is committed and was not in a preupload");
        if (entry.IsLfs && content.Length > 0)
        {
            throw HubFailure.Violation($"\"{path}\" is a file line, preupload said lfs. Your push was rejected because it contains "
                + (entry.Size > LfsRule.LargestText ? "files larger than 10 MiB." : "binary files."));
        }

        if (entry.Size != content.Length || !content.AsSpan(0, entry.Sample.Length).SequenceEqual(entry.Sample))
        {
            throw HubFailure.Violation($"\"{path}\" is not the file that preupload was asked for");
        }

        if (path == "README.md") CheckReadme(call, repository, System.Text.Encoding.UTF8.GetString(content));
        return new HubFile(path, content, IsLfs: false);
    }

    private static HubFile LfsFile(HubCall call, HubRepository repository, string path, string oid, long? size)
    {
        var stored = repository.Objects.GetValueOrDefault(oid)
            ?? throw HubFailure.Violation($"\"{path}\": the LFS object {oid} was not uploaded");
        if (size is { } bytes && bytes != stored.Content.Size)
        {
            throw HubFailure.Violation($"\"{path}\" has {stored.Content.Size} bytes, the lfsFile line says {bytes}");
        }

        if (call.Server.Options.RequiresVerify && !stored.IsVerified)
        {
            throw HubFailure.Violation($"\"{path}\": verify was offered for {oid} and not called");
        }

        // A server-side copy names no size, and needs no preupload.
        if (size is not null && !repository.Preuploads.ContainsKey(path))
        {
            throw HubFailure.Violation($"\"{path}\" is committed and was not in a preupload");
        }

        stored.IsVerified = true;
        return new HubFile(path, stored.Content, IsLfs: true);
    }

    /// <remarks>The Hub refuses a card that its validator refuses. Its words at this place are not known: the validator's are used.
    /// </remarks>
    private static void CheckReadme(HubCall call, HubRepository repository, string text)
    {
        if (call.Server.Options.RequiresYamlCheck && !call.Server.CheckedCards.ContainsKey(text))
        {
            throw HubFailure.Violation("README.md was not sent to validate-yaml");
        }

        if (CardCheck.Run(text, repository.Kind).Errors is [var first, ..]) throw new HubFailure(400, first);
    }

    /// <summary>A path is a file or a folder, not both.</summary>
    private static void CheckShape(HubCommit head, List<HubFile> files, List<string> deleted)
    {
        var paths = head.Files.Keys.Except(deleted, StringComparer.Ordinal).Concat(files.Select(file => file.Path))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var file in files)
        {
            for (int slash = file.Path.IndexOf('/'); slash >= 0; slash = file.Path.IndexOf('/', slash + 1))
            {
                if (paths.Contains(file.Path[..slash])) throw HubFailure.Violation($"\"{file.Path[..slash]}\" is a file and a folder");
            }
        }
    }
}
