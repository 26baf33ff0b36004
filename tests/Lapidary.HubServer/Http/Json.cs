using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.TestHub.Http;

/// <summary>Pieces of JSON that several routes answer.</summary>
internal static class Json
{
    public static string Date(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");

    public static JsonNode Gate(HubRepository repository) => repository.Gate switch
    {
        HubGate.Auto => "auto",
        HubGate.Manual => "manual",
        _ => false,
    };

    /// <summary>24 hex, as a MongoDB id is.</summary>
    public static string Id(HubRepository repository) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{repository.Kind} {repository.Id}")))[..24];

    public static JsonObject Commit(HubCommit commit) =>
        new() { ["id"] = commit.Oid, ["title"] = commit.Title, ["date"] = Date(commit.Date) };

    /// <summary>An entry of the tree and of paths-info.</summary>
    public static JsonObject File(HubCall call, HubFile file, bool isExpanded)
    {
        var item = new JsonObject { ["type"] = "file", ["oid"] = file.Oid, ["size"] = file.Size, ["path"] = file.Path };
        if (file.IsLfs)
        {
            item["lfs"] = new JsonObject { ["oid"] = file.Hash, ["size"] = file.Size, ["pointerSize"] = file.PointerSize };
            if (call.Server.Options.AnnouncesXet) item["xetHash"] = file.Hash;
        }

        if (isExpanded)
        {
            if (file.LastCommit is { } last) item["lastCommit"] = Commit(last);
            item["securityFileStatus"] = new JsonObject { ["status"] = "safe" };
        }

        return WithUnknown(call, item);
    }

    public static JsonObject Folder(HubCall call, string path, HubCommit commit, bool isExpanded)
    {
        string oid = HubContent.FromText($"tree {commit.Oid} {path}").GitOid;
        var item = new JsonObject { ["type"] = "directory", ["oid"] = oid, ["size"] = 0, ["path"] = path };
        if (isExpanded) item["lastCommit"] = Commit(commit);
        return WithUnknown(call, item);
    }

    public static JsonObject WithUnknown(HubCall call, JsonObject item)
    {
        if (call.Server.Options.SendsUnknownKeys) item["keyOfNextYear"] = new JsonObject { ["a"] = new JsonArray(1, "b", null) };
        return item;
    }
}
