using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Repositories;

namespace Lapidary.TestHub.Uploads;

/// <summary>Repositories are made and deleted.</summary>
internal static class RepoRoutes
{
    // Of Python, and of JavaScript for spaces and first files.
    private static readonly HashSet<string> CreateKeys = new(StringComparer.Ordinal)
    {
        "name", "organization", "visibility", "private", "type", "resourceGroupId", "region", "license", "files", "sdk",
    };

    public static async Task CreateAsync(HubCall call)
    {
        var (body, kind, owner, id) = await ReadAsync(call, CreateKeys);
        Access.Manage(owner, kind, call.Token);
        string page = $"{call.Server.ApiUrl}/{kind.Prefix()}{id}";
        if (body["visibility"] is { } visibility && (string?)visibility is not ("public" or "private"))
        {
            throw HubFailure.Violation($"visibility is {visibility.ToJsonString()}, expected public or private");
        }

        var repository = new HubRepository(kind, id, call.Server.Options.Time)
        {
            IsPrivate = (string?)body["visibility"] == "private" || (bool?)body["private"] == true,
        };
        if (!call.Server.Store.TryAdd(repository))
        {
            throw new HubFailure(409, $"You already created this {kind.Singular()} repo")
            {
                Body = new JsonObject { ["error"] = $"You already created this {kind.Singular()} repo", ["url"] = page },
            };
        }

        await call.JsonAsync(Json.WithUnknown(call, new JsonObject { ["url"] = page, ["name"] = id, ["id"] = Json.Id(repository) }));
    }

    public static async Task DeleteAsync(HubCall call)
    {
        var (_, kind, owner, id) = await ReadAsync(call, ["name", "organization", "type"]);
        var repository = call.Server.Store.Find(kind, id);
        Access.See(repository, call.Token);
        Access.Manage(owner, kind, call.Token);
        call.Server.Store.Remove(repository!);
        await call.JsonAsync(new JsonObject());
    }

    private static async Task<(JsonObject Body, HubRepoKind Kind, string Owner, string Id)> ReadAsync(HubCall call, HashSet<string> keys)
    {
        var token = call.Token ?? throw new HubFailure(401, "Invalid username or password.");
        var body = await call.ReadJsonAsync();
        foreach (var (key, _) in body)
        {
            if (!keys.Contains(key)) throw HubFailure.Violation($"an unknown key \"{key}\"");
        }

        string name = (string?)body["name"] ?? throw HubFailure.Violation("\"name\" is missing");
        string owner = (string?)body["organization"] ?? token.User.Name;
        string type = (string?)body["type"] ?? "model";
        var kind = KindNames.FromPlural(type + "s") ?? throw HubFailure.Violation($"type is \"{type}\", expected model, dataset or space");
        string id = $"{owner}/{name}";
        return name.Contains('/', StringComparison.Ordinal) || !RepoRules.IsId(id)
            ? throw HubFailure.Violation($"\"{id}\" is no repository id") : (body, kind, owner, id);
    }
}
