using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Retry;

namespace Lapidary.Hub.Http;

/// <summary>Decides when a request is repeated, and after which wait.</summary>
/// <remarks>A server's requested wait is obeyed up to <see cref="LongestWait"/>, because the Hub counts requests in windows of five
/// minutes. An endpoint that does not answer gets fewer attempts than one that answers "busy", so that a mistyped address is reported
/// soon.</remarks>
internal static partial class HubRetries
{
    /// <summary>Attempts after the first.</summary>
    public const int Most = 5;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(330);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(12);
    private static readonly ResiliencePropertyKey<Attempt> Key = new("lapidary.attempt");

    /// <summary>A running request.</summary>
    /// <param name="Call">The call.</param>
    /// <param name="Started">Timestamp of the first attempt.</param>
    public sealed record Attempt(HubCall Call, long Started);

    /// <summary>Creates the retry loop.</summary>
    /// <param name="time">Clock for waits.</param>
    /// <param name="note">Receives a wait that a server requests: its host and the time.</param>
    public static ResiliencePipeline<HttpResponseMessage> Build(TimeProvider time, Action<Uri, TimeSpan> note) =>
        new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = time }
            .AddRetry(new HttpRetryStrategyOptions
            {
                MaxRetryAttempts = Most,
                ShouldHandle = args => new ValueTask<bool>(IsWorthAnother(args, time)),
                DelayGenerator = args => new ValueTask<TimeSpan?>(Wait(args.Outcome.Result, args.AttemptNumber, time)),
                OnRetry = args =>
                {
                    if (AskedWait(args.Outcome.Result, time) is { } asked && args.Outcome.Result is { } answer)
                        note(answer.RequestMessage!.RequestUri!, asked);
                    args.Outcome.Result?.Dispose();
                    return default;
                },
            })
            .Build();

    /// <summary>Runs attempts of a call.</summary>
    public static async Task<HttpResponseMessage> RunAsync(
        this ResiliencePipeline<HttpResponseMessage> pipeline, HubCall call, TimeProvider time,
        Func<CancellationToken, Task<HttpResponseMessage>> attempt, CancellationToken cancellation)
    {
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, cancellation);
        try
        {
            context.Properties.Set(Key, new Attempt(call, time.GetTimestamp()));
            return await pipeline.ExecuteAsync(
                async at => await attempt(at.CancellationToken).ConfigureAwait(false), context).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>The wait that the server requests: RateLimit's "t" if nothing is left, else Retry-After; null if it requests
    /// none.</summary>
    public static TimeSpan? AskedWait(HttpResponseMessage? answer, TimeProvider time)
    {
        if (answer is null || (answer.StatusCode != HttpStatusCode.TooManyRequests && (int)answer.StatusCode < 500)) return null;
        if (RateLimit().Match(HubAnswer.HeaderOf(answer, "RateLimit") ?? "") is { Success: true } match
            && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
        {
            return TimeSpan.FromSeconds(seconds + 1);
        }

        return answer.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - time.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero,
            _ => null,
        };
    }

    private static bool IsWorthAnother(RetryPredicateArguments<HttpResponseMessage> args, TimeProvider time)
    {
        if (!args.Context.Properties.TryGetValue(Key, out var attempt) || args.AttemptNumber >= attempt.Call.Retries) return false;
        if (args.Outcome.Result is { } answer)
        {
            return answer.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
                    or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout
                && (AskedWait(answer, time) ?? TimeSpan.Zero) <= LongestWait;
        }

        return args.Outcome.Exception is HttpRequestException or TimeoutException or IOException
            && time.GetElapsedTime(attempt.Started) < LongestSilence && args.AttemptNumber < 2;
    }

    /// <summary>1, 2, 4, 8, 8 seconds if the server does not say.</summary>
    private static TimeSpan Wait(HttpResponseMessage? answer, int attempt, TimeProvider time) =>
        AskedWait(answer, time) ?? TimeSpan.FromSeconds(Math.Min(8, 1 << Math.Min(attempt, 3)));

    [GeneratedRegex(@";\s*r=0\s*;\s*t=(\d{1,6})")]
    private static partial Regex RateLimit();
}
