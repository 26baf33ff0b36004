using System.Globalization;
using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Repositories;

namespace Lapidary.TestHub.Uploads;

/// <summary>Where to put LFS objects.</summary>
internal static class LfsBatchRoute
{
    public const string ContentType = "application/vnd.git-lfs+json";
    private const int MaxObjects = 256;

    public static async Task RunAsync(HubCall call, HubRepository repository)
    {
        Access.Write(repository, call.Token);
        if (!call.Request.Headers.Accept.ToString().Contains(ContentType, StringComparison.Ordinal))
        {
            throw HubFailure.Violation($"Accept is \"{call.Request.Headers.Accept}\", expected {ContentType}", 406);
        }

        var body = await call.ReadJsonAsync(ContentType);
        // No client of the Hub's API is known to ask for a download batch: decided here that there is none.
        if ((string?)body["operation"] != "upload") throw HubFailure.Violation("\"operation\" is not \"upload\"");
        if ((string?)body["hash_algo"] is not ("sha256" or "sha_256" or null)) throw HubFailure.Violation("\"hash_algo\" is not sha256");
        string?[] transfers = [.. (body["transfers"] as JsonArray ?? ["basic"]).Select(name => (string?)name)];
        if (!transfers.Contains("basic")) throw HubFailure.Violation("\"transfers\" has no \"basic\"");
        if ((string?)body["ref"]?["name"] is { } branch && repository.Find("refs/heads/" + branch) is null)
        {
            throw HubFailure.NoRevision(branch);
        }

        var objects = body["objects"] as JsonArray ?? throw HubFailure.Violation("\"objects\" is missing");
        if (objects.Count is 0 or > MaxObjects) throw HubFailure.Violation($"{objects.Count} objects in one batch, at most {MaxObjects}");
        var answer = new JsonArray();
        foreach (var item in objects)
        {
            string oid = (string?)item?["oid"] ?? "";
            long size = (long?)item?["size"] ?? -1;
            if (!RepoRules.IsSha256(oid) || size < 0)
            {
                throw HubFailure.Violation($"the object {item?.ToJsonString()} is no oid with a size");
            }

            answer.Add((JsonNode)Offer(call, repository, oid, size, transfers.Contains("multipart")));
        }

        call.Response.ContentType = ContentType;
        await call.JsonAsync(new JsonObject { ["transfer"] = "basic", ["objects"] = answer });
    }

    private static JsonObject Offer(HubCall call, HubRepository repository, string oid, long size, bool knowsMultipart)
    {
        var offer = new JsonObject { ["oid"] = oid, ["size"] = size };
        if (repository.Objects.TryGetValue(oid, out var known) && (known.IsVerified || !call.Server.Options.RequiresVerify))
        {
            if (known.Content.Size != size)
            {
                throw HubFailure.Violation($"{oid} has {known.Content.Size} bytes, not {size}");
            }

            return offer; // no actions: it is there
        }

        var options = call.Server.Options;
        bool isMultipart = knowsMultipart && size >= options.MultipartFrom;
        var ticket = new UploadTicket(repository, oid, size, isMultipart ? options.PartBytes : 0);
        JsonObject upload;
        if (isMultipart)
        {
            var header = new JsonObject { ["chunk_size"] = options.PartBytes.ToString(CultureInfo.InvariantCulture) };
            for (int part = 1; part <= ticket.PartCount; part++)
            {
                header[part.ToString("D5", CultureInfo.InvariantCulture)] = Sign(call, $"/upload/{oid}/part/{part}",
                    new UploadPart(ticket, part));
            }

            upload = new JsonObject { ["href"] = CompletionRoute.Offer(call, ticket), ["header"] = header };
        }
        else
        {
            upload = new JsonObject { ["href"] = Sign(call, $"/upload/{oid}", ticket), ["header"] = new JsonObject() };
        }

        offer["authenticated"] = true;
        offer["actions"] = new JsonObject
        {
            ["upload"] = upload,
            ["verify"] = new JsonObject
            {
                ["href"] = $"{call.Server.ApiUrl}/{repository.Kind.Prefix()}{repository.Id}.git/info/lfs/objects/verify",
                ["header"] = new JsonObject(),
            },
        };
        return offer;
    }

    private static string Sign(HubCall call, string path, object subject) => call.Server.Signed.Sign(call.Server.StorageUrl, "PUT", path,
        call.Server.Options.SignedUrlLifetime, subject, isOneUse: true);
}
