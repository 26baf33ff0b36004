using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Uploads;

/// <summary>The client says that an object is there. Python calls it, JavaScript does not.</summary>
internal static class LfsVerifyRoute
{
    public static async Task RunAsync(HubCall call, HubRepository repository)
    {
        Access.Write(repository, call.Token);
        // Not known: the Content-Type that the Hub asks for. Any is taken.
        var body = await call.ReadJsonAsync((call.Request.ContentType ?? "").Split(';')[0]);
        string oid = (string?)body["oid"] ?? "";
        var found = repository.Objects.GetValueOrDefault(oid)
            ?? throw HubFailure.Violation($"verify of {oid}, which was not uploaded", 404);
        if ((long?)body["size"] != found.Content.Size)
        {
            throw HubFailure.Violation($"verify says {body["size"]} bytes, {found.Content.Size} came");
        }

        found.IsVerified = true;
        await call.JsonAsync(new JsonObject());
    }
}
