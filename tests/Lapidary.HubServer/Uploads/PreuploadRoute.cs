using System.Text.Json.Nodes;
using Lapidary.TestHub.Content;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Repositories;

namespace Lapidary.TestHub.Uploads;

/// <summary>Which files go to LFS, and what the branch holds of them now.</summary>
internal static class PreuploadRoute
{
    private const int MaxFiles = 256;

    public static async Task RunAsync(HubCall call, HubRepository repository, string revision)
    {
        CommitRoute.CheckWrite(call, repository);
        var commit = call.Commit(repository, revision);
        var body = await call.ReadJsonAsync();
        foreach (var (key, _) in body)
        {
            if (key is not ("files" or "gitIgnore" or "gitAttributes"))
            {
                throw HubFailure.Violation($"preupload has an unknown key \"{key}\"");
            }
        }

        var files = body["files"] as JsonArray ?? throw HubFailure.Violation("\"files\" is missing");
        if (files.Count is 0 or > MaxFiles) throw HubFailure.Violation($"{files.Count} files in one preupload, at most {MaxFiles}");
        string attributes = (string?)body["gitAttributes"] ?? commit.Text(".gitattributes");
        string ignore = (string?)body["gitIgnore"] ?? commit.Text(".gitignore");
        var answer = new JsonArray();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            string path = (string?)file?["path"] ?? throw HubFailure.Violation("a file has no path");
            if (RepoRules.WrongPath(path) is { } wrong) throw HubFailure.Violation($"path \"{path}\": {wrong}");
            if (!seen.Add(path)) throw HubFailure.Violation($"path \"{path}\" stands twice in one preupload");
            long size = (long?)file!["size"] ?? throw HubFailure.Violation($"\"{path}\" has no size");
            byte[] sample = CommitBody.Base64((string?)file["sample"] ?? throw HubFailure.Violation($"\"{path}\" has no sample"), path);
            long expected = Math.Min(size, LfsRule.SampleBytes);
            if (sample.Length != expected)
            {
                throw HubFailure.Violation($"\"{path}\" has a sample of {sample.Length} bytes, expected {expected}");
            }

            var entry = new PreuploadEntry(LfsRule.IsLfs(path, size, sample, attributes), LfsRule.IsIgnored(path, ignore), size, sample);
            repository.Preuploads[path] = entry;
            var item = new JsonObject
            {
                ["path"] = path,
                ["uploadMode"] = entry.IsLfs ? "lfs" : "regular",
                ["shouldIgnore"] = entry.IsIgnored,
            };
            if (commit.Files.TryGetValue(path, out var present)) item["oid"] = present.Hash;
            answer.Add((JsonNode)item);
        }

        await call.JsonAsync(Json.WithUnknown(call, new JsonObject { ["files"] = answer }));
    }
}
