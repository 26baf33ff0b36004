using System.Globalization;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Uploads;

/// <summary>PUT to a signed URL: a whole object, or a part of it. An answer's ETag looks like an MD5, as S3's are, and
/// is none: half of the SHA-256 costs nothing.</summary>
internal static class StorageUploadRoute
{
    public static async Task PutAsync(HubCall call)
    {
        var url = call.Server.Signed.Check(call);
        var (ticket, part) = url.Subject is UploadPart one ? (one.Ticket, one.Number) : ((UploadTicket)url.Subject, 0);
        long size = part == 0 ? ticket.Size : ticket.SizeOf(part);
        if (call.Request.ContentLength is { } length)
        {
            if (length != size) throw Refused($"Content-Length is {length}, the announced size is {size}", "EntityTooSmall");
        }
        else if (call.Server.Options.RequiresContentLength)
        {
            throw new HubFailure(411, "You must provide the Content-Length HTTP header.")
            {
                StorageCode = "MissingContentLength",
                IsViolation = true,
            };
        }

        var (content, sha256) = await call.Server.Uploads.ReadAsync(call.Request.Body, size, call.Cancel);
        if (content is null || content.Size != size)
        {
            throw Refused($"the body has {(content is null ? "more" : content.Size.ToString(CultureInfo.InvariantCulture))} bytes, "
                + $"the announced size is {size}", "IncompleteBody");
        }

        string etag = $"\"{sha256[..32]}\"";
        if (part == 0)
        {
            if (sha256 != ticket.Oid) throw Refused($"the body's sha256 is {sha256}, its oid is {ticket.Oid}", "BadDigest");
            if (!call.IsAnswerLost) url.Succeed();
            ticket.Store(content);
        }
        else
        {
            if (!call.IsAnswerLost) url.Succeed();
            ticket.Add(part, content, etag);
        }

        call.Response.Headers.ETag = etag;
        call.Response.ContentLength = 0;
    }

    private static HubFailure Refused(string text, string code) => new(400, text) { StorageCode = code, IsViolation = true };
}
