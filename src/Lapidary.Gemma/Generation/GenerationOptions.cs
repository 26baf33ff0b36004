using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;

namespace Lapidary.Gemma;

/// <summary>How text is continued; names and meaning as in transformers' generation_config.json.</summary>
public sealed record GenerationOptions
{
    /// <summary>Maximum number of tokens to generate.</summary>
    [Range(1, int.MaxValue)]
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>False: the likeliest token each time. True: drawn at random under the limits below.</summary>
    public bool DoSample { get; init; }

    /// <summary>Logits are divided by it; positive.</summary>
    [Range(0.0, float.MaxValue, MinimumIsExclusive = true, ErrorMessage = "for the likeliest token leave DoSample off")]
    public float Temperature { get; init; } = 1f;

    /// <summary>Only the k likeliest tokens are drawn from; 0 for all.</summary>
    [Range(0, int.MaxValue)]
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens that together reach this probability are drawn from; 1 for all.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public float TopP { get; init; } = 1f;

    /// <summary>Only tokens at least this likely, relative to the likeliest, are drawn from; 0 for all.</summary>
    [Range(0.0, 1.0)]
    public float MinP { get; init; }

    /// <summary>Logits of tokens of the prompt and the text so far are divided by it, or multiplied where they are negative; 1 for
    /// none.</summary>
    [Range(0.0, float.MaxValue, MinimumIsExclusive = true)]
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>No sequence of this many tokens comes twice in prompt and text; 0 for no limit.</summary>
    [Range(0, int.MaxValue)]
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Ids that never come.</summary>
    public IReadOnlyCollection<int> SuppressTokens { get; init; } = [];

    /// <summary>Ids that do not come first.</summary>
    public IReadOnlyCollection<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>The same seed, prompt and options give the same text.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Generation ends at any of these ids, which is not part of the output.</summary>
    public IReadOnlyCollection<int> StopTokenIds { get; init; } = [];

    /// <summary>What the model's makers want, where a caller asks for nothing else: generation_config.json, and an end also where the
    /// tokenizer's texts and turns end.</summary>
    /// <param name="config">Of the model's folder. A temperature or top_p of 0 takes the likeliest token each time.</param>
    /// <param name="tokenizer">Knows the ends; null where ids are continued without one.</param>
    public static GenerationOptions From(GenerationConfig config, Tokenizer? tokenizer)
    {
        var fallback = new GenerationOptions();
        return fallback with
        {
            MaxNewTokens = config.MaxNewTokens ?? fallback.MaxNewTokens,
            DoSample = config.DoSample && config.Temperature > 0 && config.TopP > 0,
            Temperature = config.Temperature > 0 ? (float)config.Temperature : fallback.Temperature,
            TopK = config.TopK,
            TopP = config.TopP > 0 ? (float)config.TopP : fallback.TopP,
            MinP = (float)config.MinP,
            RepetitionPenalty = (float)config.RepetitionPenalty,
            NoRepeatNgramSize = config.NoRepeatNgramSize,
            SuppressTokens = config.SuppressTokens,
            BeginSuppressTokens = config.BeginSuppressTokens,
            StopTokenIds = config.StopTokenIds(tokenizer),
        };
    }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">One is out of range; the message names it.</exception>
    public void Validate() => RecordLimits.Check(this);
}
