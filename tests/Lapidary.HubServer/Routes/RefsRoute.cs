using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>Branches, tags and the history.</summary>
internal static class RefsRoute
{
    public static Task ListAsync(HubCall call, HubRepository repository)
    {
        var answer = new JsonObject { ["branches"] = Of("refs/heads/"), ["converts"] = Of("refs/convert/"), ["tags"] = Of("refs/tags/") };
        if (call.QueryFlag("include_prs")) answer["pullRequests"] = Of("refs/pr/");
        return call.JsonAsync(Json.WithUnknown(call, answer));

        JsonArray Of(string prefix) => new([.. repository.Refs()
            .Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(entry => new JsonObject
            {
                ["name"] = entry.Name[prefix.Length..],
                ["ref"] = entry.Name,
                ["targetCommit"] = entry.Oid,
            })]);
    }

    public static Task CommitsAsync(HubCall call, HubRepository repository, string revision) =>
        call.JsonAsync(new JsonArray([.. repository.History(call.Commit(repository, revision)).Select(commit => new JsonObject
        {
            ["id"] = commit.Oid,
            ["title"] = commit.Title,
            ["message"] = commit.Description,
            ["date"] = Json.Date(commit.Date),
            ["authors"] = new JsonArray(new JsonObject { ["user"] = commit.Author }),
        })]));

    public static async Task CreateBranchAsync(HubCall call, HubRepository repository, string name)
    {
        Access.Write(repository, call.Token);
        var body = await call.ReadJsonAsync();
        string start = (string?)body["startingPoint"] ?? "main";
        if (repository.Find("refs/heads/" + name) is not null && (bool?)body["overwrite"] != true)
        {
            throw new HubFailure(409, $"Reference already exists: refs/heads/{name}"); // words decided here
        }

        repository.SetBranch(name, call.Commit(repository, start).Oid);
        await call.JsonAsync(new JsonObject { ["success"] = true });
    }

    public static Task DeleteBranchAsync(HubCall call, HubRepository repository, string name)
    {
        Access.Write(repository, call.Token);
        if (repository.Find("refs/heads/" + name) is null) throw HubFailure.NoRevision(name);
        if (name == "main") throw new HubFailure(403, "The default branch cannot be deleted."); // words decided here
        repository.DeleteBranch(name);
        return call.JsonAsync(new JsonObject { ["success"] = true });
    }
}
