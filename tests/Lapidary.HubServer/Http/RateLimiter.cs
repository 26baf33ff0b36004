using System.Collections.Concurrent;

namespace Lapidary.TestHub.Http;

/// <summary>The Hub's limits: fixed windows for calls of the API and for file URLs, by token or without one.</summary>
internal sealed class RateLimiter(TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Bucket, string Who), (long Window, int Count)> _counts = new();

    public void Check(HubCall call, HubRateLimit limit)
    {
        bool isFile = call.Log.Path.Contains("/resolve/", StringComparison.Ordinal)
            || call.Log.Path.Contains("/resolve-cache/", StringComparison.Ordinal);
        var (bucket, quota) = isFile ? ("resolvers", limit.Resolvers) : ("api", limit.Api);
        int seconds = (int)limit.Window.TotalSeconds;
        var now = time.GetUtcNow();
        long window = now.ToUnixTimeSeconds() / seconds;
        string who = call.Request.Headers.Authorization.ToString();
        var (_, count) = _counts.AddOrUpdate((bucket, who), _ => (window, 1),
            (_, old) => old.Window == window ? (window, old.Count + 1) : (window, 1));
        long reset = (window + 1) * seconds - now.ToUnixTimeSeconds();
        string state = $"\"{bucket}\";r={Math.Max(0, quota - count)};t={reset}";
        string policy = $"\"fixed window\";\"{bucket}\";q={quota};w={seconds}";
        if (count <= quota)
        {
            call.Response.Headers["RateLimit"] = state;
            call.Response.Headers["RateLimit-Policy"] = policy;
            return;
        }

        // Not known: the words of the 429's body. Decided here.
        var failure = new HubFailure(429, $"We had to rate limit you: {quota} requests to the {bucket} in {seconds} s.");
        if (limit.UsesRetryAfter)
        {
            failure.Headers["Retry-After"] = $"{reset}";
        }
        else
        {
            failure.Headers["RateLimit"] = state;
            failure.Headers["RateLimit-Policy"] = policy;
        }

        throw failure;
    }
}
