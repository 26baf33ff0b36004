using System.Globalization;
using Lapidary.TestHub.Http;

namespace Lapidary.TestHub.Routes;

/// <summary>A file's bytes: all of them, or the range that was asked for.</summary>
internal static class RangeAnswer
{
    public static async Task WriteAsync(HubCall call, HubFile file, string etag)
    {
        var response = call.Response;
        response.Headers.ETag = $"\"{etag}\"";
        response.Headers.AcceptRanges = "bytes";
        response.Headers.LastModified = (file.LastCommit?.Date ?? DateTimeOffset.UnixEpoch).ToString("R");
        response.ContentType = file.IsLfs ? "application/octet-stream" : "text/plain; charset=utf-8";
        // A size that was only claimed is announced to HEAD; what is there is sent.
        long size = call.IsHead ? file.Size : file.Content.Size;
        long first = 0, last = size - 1;
        string range = call.Request.Headers.Range.ToString();
        string condition = call.Request.Headers.IfRange.ToString();
        bool applies = condition.Length == 0 || condition == $"\"{etag}\"";
        if (range.Length > 0 && applies && TryParse(range, size, out var asked))
        {
            if (asked is not { } part)
            {
                response.Headers.ContentRange = $"bytes */{size}";
                var failure = new HubFailure(416, "The requested range is not satisfiable") { StorageCode = "InvalidRange" };
                failure.Headers["Content-Range"] = $"bytes */{size}";
                throw failure;
            }

            (first, last) = part;
            response.StatusCode = 206;
            response.Headers.ContentRange = $"bytes {first}-{last}/{size}";
        }

        response.ContentLength = last - first + 1;
        if (!call.IsHead) await file.Content.WriteToAsync(response.Body, first, last - first + 1, call.Cancel);
    }

    /// <summary>False for what is not one range of bytes: it is then not looked at (RFC 9110).</summary>
    /// <param name="part">Null if the file has no such bytes.</param>
    private static bool TryParse(string range, long size, out (long First, long Last)? part)
    {
        part = null;
        if (!range.StartsWith("bytes=", StringComparison.Ordinal) || range.Contains(',', StringComparison.Ordinal)) return false;
        string[] ends = range["bytes=".Length..].Split('-');
        if (ends.Length != 2) return false;
        bool hasFirst = TryNumber(ends[0], out long first), hasLast = TryNumber(ends[1], out long last);
        if ((!hasFirst && ends[0].Length > 0) || (!hasLast && ends[1].Length > 0) || (!hasFirst && !hasLast)) return false;
        if (!hasFirst) (first, last) = (Math.Max(0, size - last), last == 0 ? -1 : size - 1);
        else if (!hasLast) last = size - 1;
        else if (last < first) return false;
        last = Math.Min(last, size - 1);
        if (first < size && first <= last) part = (first, last);
        return true;
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
