using System.Text.Json.Nodes;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>Whose token it is.</summary>
internal static class WhoAmIRoute
{
    public static Task RunAsync(HubCall call)
    {
        // The 401 is known, its words without any token are not: the same as for a bad one.
        var token = call.Token ?? throw new HubFailure(401, "Invalid credentials in Authorization header");
        string role = token.Role switch
        {
            HubTokenRole.Read => "read",
            HubTokenRole.Write => "write",
            _ => "fineGrained",
        };
        var access = new JsonObject
        {
            ["displayName"] = token.DisplayName,
            ["role"] = role,
            ["createdAt"] = "2026-01-02T03:04:05.000Z",
        };
        if (token.Role == HubTokenRole.FineGrained)
        {
            var rights = new JsonArray();
            if (token.ReadsPrivateRepos) rights.Add((JsonNode)"repo.content.read");
            if (token.CanWrite) rights.Add((JsonNode)"repo.write");
            access["fineGrained"] = new JsonObject
            {
                ["canReadGatedRepos"] = token.ReadsGatedRepos,
                ["global"] = new JsonArray(),
                ["scoped"] = new JsonArray(new JsonObject
                {
                    ["entity"] = new JsonObject { ["type"] = "user", ["name"] = token.User.Name },
                    ["permissions"] = rights,
                }),
            };
        }

        return call.JsonAsync(Json.WithUnknown(call, new JsonObject
        {
            ["type"] = "user",
            ["id"] = "5f0000000000000000000001",
            ["name"] = token.User.Name,
            ["fullname"] = $"{token.User.Name} of the tests",
            ["email"] = $"{token.User.Name}@example.org",
            ["emailVerified"] = true,
            ["canPay"] = false,
            ["isPro"] = false,
            ["avatarUrl"] = "/avatars/none.svg",
            ["orgs"] = new JsonArray([.. token.User.Organizations.Select(name => new JsonObject
            {
                ["type"] = "org",
                ["id"] = "5f0000000000000000000002",
                ["name"] = name,
                ["fullname"] = name,
                ["roleInOrg"] = "write",
            })]),
            ["auth"] = new JsonObject { ["type"] = "access_token", ["accessToken"] = access },
        }));
    }
}
