namespace Lapidary.Server.Monitoring;

/// <summary>When the tokens of a request came. Its answers call from several threads.</summary>
/// <param name="metrics">Of the model.</param>
/// <param name="time">The clock.</param>
internal sealed class RequestTimes(ModelMetrics metrics, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();
    private long _first;

    /// <summary>Notes a token.</summary>
    public void Token()
    {
        if (Volatile.Read(ref _first) != 0) return;
        long now = time.GetTimestamp();
        if (Interlocked.CompareExchange(ref _first, now, 0) == 0) metrics.FirstToken.Add(time.GetElapsedTime(_started, now).TotalSeconds);
    }

    /// <summary>Notes the end of an answer.</summary>
    /// <param name="reason">Its finish_reason.</param>
    public void Ended(string reason) => metrics.Finished.AddOrUpdate(reason, 1, (_, count) => count + 1);

    /// <summary>Notes the end of the request.</summary>
    /// <param name="tokens">Tokens of all answers.</param>
    /// <param name="answers">Number of answers.</param>
    public void Completed(int tokens, int answers)
    {
        long now = time.GetTimestamp();
        metrics.Whole.Add(time.GetElapsedTime(_started, now).TotalSeconds);
        if (_first != 0 && tokens > answers)
            metrics.PerToken.Add(time.GetElapsedTime(_first, now).TotalSeconds * answers / (tokens - answers));
    }
}
