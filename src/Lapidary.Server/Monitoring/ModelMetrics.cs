using System.Collections.Concurrent;

namespace Lapidary.Server.Monitoring;

/// <summary>Figures of one model.</summary>
internal sealed class ModelMetrics
{
    private static readonly double[] Fine =
        [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5];

    private static readonly double[] Coarse =
        [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 320];

    private long _promptTokens;
    private long _cachedTokens;
    private long _generatedTokens;

    /// <summary>Seconds from a request to the first token of its answers.</summary>
    public Histogram FirstToken { get; } = new(Coarse);

    /// <summary>Seconds of a token after the first, the mean of a request.</summary>
    public Histogram PerToken { get; } = new(Fine);

    /// <summary>Seconds of a request.</summary>
    public Histogram Whole { get; } = new(Coarse);

    /// <summary>Answers that ended, by reason.</summary>
    public ConcurrentDictionary<string, long> Finished { get; } = new(StringComparer.Ordinal);

    public long PromptTokens => Interlocked.Read(ref _promptTokens);

    public long CachedTokens => Interlocked.Read(ref _cachedTokens);

    public long GeneratedTokens => Interlocked.Read(ref _generatedTokens);

    /// <summary>Adds the tokens of a request.</summary>
    public void Add(int prompt, int cached, int generated)
    {
        Interlocked.Add(ref _promptTokens, prompt);
        Interlocked.Add(ref _cachedTokens, cached);
        Interlocked.Add(ref _generatedTokens, generated);
    }
}
