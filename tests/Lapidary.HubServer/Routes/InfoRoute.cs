using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Uploads;

namespace Lapidary.TestHub.Routes;

/// <summary>What a repository is and holds at a revision.</summary>
internal static class InfoRoute
{
    public static Task RunAsync(HubCall call, HubRepository repository, string revision)
    {
        if (repository.GateHidesInfo) Access.ReadFiles(repository, call.Token);
        var commit = call.Commit(repository, revision);
        var info = Full(call, repository, commit);
        string[] expand = [.. call.Request.Query.Where(pair => pair.Key is "expand" or "expand[]").SelectMany(pair => pair.Value)!];
        if (expand.Length > 0)
        {
            foreach (string key in info.Select(pair => pair.Key).ToList())
            {
                if (key is not ("_id" or "id") && !expand.Contains(key)) info.Remove(key);
            }
        }
        else if (!call.Server.Options.SendsOptionalKeys)
        {
            foreach (string key in info.Select(pair => pair.Key).ToList())
            {
                if (key is not ("id" or "sha" or "siblings")) info.Remove(key);
            }
        }

        return call.JsonAsync(info);
    }

    public static Task AuthCheckAsync(HubCall call, HubRepository repository)
    {
        Access.ReadFiles(repository, call.Token);
        return call.JsonAsync(new JsonObject());
    }

    private static JsonObject Full(HubCall call, HubRepository repository, HubCommit commit)
    {
        bool hasBlobs = call.QueryFlag("blobs");
        var card = CardCheck.CardData(commit.Text("README.md"));
        var info = new JsonObject
        {
            ["_id"] = Json.Id(repository),
            ["id"] = repository.Id,
            [repository.Kind == HubRepoKind.Model ? "modelId" : "author"] = repository.Kind == HubRepoKind.Model ? repository.Id
                : repository.Owner,
            ["sha"] = commit.Oid,
            ["private"] = repository.IsPrivate,
            ["gated"] = Json.Gate(repository),
            ["disabled"] = repository.IsDisabled,
            ["lastModified"] = Json.Date(commit.Date),
            ["createdAt"] = Json.Date(repository.CreatedAt),
            ["downloads"] = 0,
            ["likes"] = 0,
            ["tags"] = card?["tags"]?.DeepClone() ?? new JsonArray(),
            ["usedStorage"] = commit.Files.Values.Sum(file => file.Size),
            ["siblings"] = new JsonArray([.. commit.Files.Values.Select(file => Sibling(file, hasBlobs))]),
        };
        if (card is not null) info["cardData"] = card;
        if (card?["library_name"] is { } library) info["library_name"] = library.DeepClone();
        if (card?["pipeline_tag"] is { } pipeline) info["pipeline_tag"] = pipeline.DeepClone();
        return Json.WithUnknown(call, info);
    }

    private static JsonObject Sibling(HubFile file, bool hasBlobs)
    {
        var sibling = new JsonObject { ["rfilename"] = file.Path };
        if (!hasBlobs) return sibling;
        sibling["size"] = file.Size;
        sibling["blobId"] = file.Oid;
        if (file.IsLfs)
        {
            // "sha256" here, "oid" in the tree.
            sibling["lfs"] = new JsonObject { ["sha256"] = file.Hash, ["size"] = file.Size, ["pointerSize"] = file.PointerSize };
        }

        return sibling;
    }
}
