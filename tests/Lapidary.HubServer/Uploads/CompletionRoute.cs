using System.Text.Json.Nodes;
using Lapidary.TestHub.Content;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Uploads;

/// <summary>The end of a multipart upload. Its URL speaks for itself: no Authorization comes.</summary>
internal static class CompletionRoute
{
    private const string Path = "/api/complete_multipart"; // the Hub's own path is not known: decided here

    public static string Offer(HubCall call, UploadTicket ticket) =>
        call.Server.Signed.Sign(call.Server.ApiUrl, "POST", Path, call.Server.Options.SignedUrlLifetime, ticket);

    public static async Task RunAsync(HubCall call)
    {
        var ticket = (UploadTicket)call.Server.Signed.Check(call).Subject;
        var body = await call.ReadJsonAsync(LfsBatchRoute.ContentType);
        if ((string?)body["oid"] != ticket.Oid) throw HubFailure.Violation("\"oid\" is another object's");
        var parts = body["parts"] as JsonArray ?? throw HubFailure.Violation("\"parts\" is missing");
        if (parts.Count != ticket.PartCount) throw HubFailure.Violation($"{parts.Count} parts, expected {ticket.PartCount}");
        var contents = new List<HubContent>();
        foreach (var (index, part) in parts.Index())
        {
            int number = (int?)part?["partNumber"] ?? 0;
            if (number != index + 1) throw HubFailure.Violation($"part {number} stands where {index + 1} was expected");
            var stored = ticket.Part(number) ?? throw HubFailure.Violation($"part {number} was not uploaded");
            string etag = (string?)part!["etag"] ?? "";
            if (etag != stored.Etag) throw HubFailure.Violation($"part {number} has etag {etag}, its answer had {stored.Etag}");
            contents.Add(stored.Content);
        }

        var whole = new JoinedContent(contents);
        if (!call.Server.Uploads.Discards && whole.Sha256 != ticket.Oid)
        {
            throw HubFailure.Violation($"the parts' sha256 is {whole.Sha256}, the oid is {ticket.Oid}");
        }

        ticket.Store(call.Server.Uploads.Discards ? new ForgottenContent(whole.Size, ticket.Oid) : whole);
        await call.JsonAsync(new JsonObject { ["success"] = true });
    }
}
