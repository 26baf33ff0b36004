using Lapidary.Formats;

namespace Lapidary.Gemma;

/// <summary>How text is continued; names and meaning as in transformers' generation_config.json.</summary>
public sealed record GenerationOptions
{
    /// <summary>Most tokens to generate.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>False: the likeliest token each time. True: drawn at random under the limits below.</summary>
    public bool DoSample { get; init; }

    /// <summary>Logits are divided by it; positive.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Only the k likeliest tokens are drawn from; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens that together reach this probability are drawn from; 1 for all.</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>The same seed, prompt and options give the same text.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Generation ends at any of these ids, which is not part of the output.</summary>
    public IReadOnlyCollection<int> StopTokenIds { get; init; } = [];

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Check(MaxNewTokens > 0, "max_new_tokens must be at least 1", MaxNewTokens);
        Check(Temperature > 0 && float.IsFinite(Temperature), "temperature must be above 0 (for the likeliest token leave do_sample off)", Temperature);
        Check(TopK >= 0, "top_k must be at least 0", TopK);
        Check(TopP is > 0 and <= 1, "top_p must lie above 0 and be at most 1", TopP);
    }

    private static void Check(bool holds, string rule, float got)
    {
        if (!holds) throw new LapidaryException($"{rule}, got {got}.");
    }
}
