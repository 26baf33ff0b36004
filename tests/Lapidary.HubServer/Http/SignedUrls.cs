using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Lapidary.TestHub.Http;

/// <summary>URLs on the storage host that speak for themselves: one method, one path, an end, and a count of uses.</summary>
internal sealed class SignedUrls(TimeProvider time)
{
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, SignedUrl> _all = new(StringComparer.Ordinal);
    private int _count;

    public IEnumerable<SignedUrl> All => _all.Values;

    /// <param name="origin">Scheme, host and port.</param> <param name="rawPath">Percent-encoded.</param>
    public string Sign(string origin, string method, string rawPath, TimeSpan lifetime, object subject, bool isOneUse = false)
    {
        string id = $"{Interlocked.Increment(ref _count):x8}{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        var url = new SignedUrl(id, method, rawPath, time.GetUtcNow() + lifetime, subject, isOneUse);
        _all[id] = url;
        return $"{origin}{rawPath}?X-Amz-Date={time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}&X-Amz-Expires={lifetime.TotalSeconds:F0}"
            + $"&Key-Pair-Id={id}&Signature={Signature(url)}";
    }

    /// <summary>The URL that a request used, with its use counted.</summary>
    public SignedUrl Check(HubCall call)
    {
        var request = call.Log;
        if (request.HasAuthorization)
        {
            throw new HubFailure(400, "Only one auth mechanism allowed: Authorization came to a signed URL")
            {
                StorageCode = "InvalidArgument",
                IsViolation = true,
            };
        }

        string? id = call.Query("Key-Pair-Id");
        if (id is null || !_all.TryGetValue(id, out var url) || call.Query("Signature") != Signature(url) || url.RawPath != request.RawPath)
        {
            throw new HubFailure(403, "The request signature we calculated does not match the signature you provided.")
            {
                StorageCode = "SignatureDoesNotMatch",
                IsViolation = true,
            };
        }

        if (url.Method != request.Method)
        {
            throw new HubFailure(403, $"The URL is signed for {url.Method}, {request.Method} came.")
            {
                StorageCode = "SignatureDoesNotMatch",
                IsViolation = true,
            };
        }

        url.Count();
        if (url.IsExpired || url.Expires <= time.GetUtcNow())
        {
            throw new HubFailure(403, "Request has expired") { StorageCode = "AccessDenied" };
        }

        return url;
    }

    private string Signature(SignedUrl url) => Convert.ToHexStringLower(
        HMACSHA256.HashData(_secret, Encoding.UTF8.GetBytes($"{url.Method} {url.RawPath} {url.Id} {url.Expires.Ticks}")));
}

/// <summary>One URL.</summary>
/// <param name="Subject">What it is for, as the routes know it.</param>
internal sealed record SignedUrl(string Id, string Method, string RawPath, DateTimeOffset Expires, object Subject, bool IsOneUse)
{
    private int _uses, _successes;

    public int Uses => Volatile.Read(ref _uses);

    public bool IsExpired { get; set; }

    public void Count() => Interlocked.Increment(ref _uses);

    /// <summary>A use that came to its end; an upload's URL has one.</summary>
    public void Succeed()
    {
        if (Interlocked.Increment(ref _successes) > 1 && IsOneUse)
        {
            throw HubFailure.Violation("the signed URL of an upload was used again after it had succeeded");
        }
    }
}
