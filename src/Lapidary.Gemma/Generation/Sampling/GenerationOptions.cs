using System.ComponentModel.DataAnnotations;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Gemma;

/// <summary>Options of generation; names and meaning follow transformers' generation_config.json.</summary>
public sealed record GenerationOptions
{
    /// <summary>Maximum number of tokens to generate.</summary>
    [Range(1, int.MaxValue)]
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>False takes the likeliest token each time. True samples within the limits below.</summary>
    public bool DoSample { get; init; }

    /// <summary>The logits are divided by it; 0 takes the likeliest token.</summary>
    [Range(0.0, 1000.0)]
    public float Temperature { get; init; } = 1f;

    /// <summary>Samples only among the k likeliest tokens; 0 or -1, as vLLM's clients write it, for all.</summary>
    [Range(-1, int.MaxValue)]
    public int TopK { get; init; }

    /// <summary>Samples only among the likeliest tokens that together reach this probability; 1 for all, 0 for the likeliest.</summary>
    [Range(0.0, 1.0)]
    public float TopP { get; init; } = 1f;

    /// <summary>Samples only among tokens of at least this probability, relative to the likeliest; 0 for all.</summary>
    [Range(0.0, 1.0)]
    public float MinP { get; init; }

    /// <summary>Logits of tokens in the prompt and the text so far are divided by it, or multiplied if negative; 1 for no
    /// penalty.</summary>
    [Range(0.001, 1000.0)]
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>No sequence of this many tokens occurs twice in prompt and text; 0 for no limit.</summary>
    [Range(0, int.MaxValue)]
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Ids that are never chosen.</summary>
    public IReadOnlyCollection<int> SuppressTokens { get; init; } = [];

    /// <summary>Ids that are not chosen first.</summary>
    public IReadOnlyCollection<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>The same seed, prompt and options give the same text.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Generation ends at any of these ids, which are not part of the output.</summary>
    public IReadOnlyCollection<int> StopTokenIds { get; init; } = [];

    /// <summary>Whether tokens are drawn; false where the likeliest is taken.</summary>
    internal bool Draws => DoSample && Temperature > 0 && TopP > 0;

    /// <summary>The form that the text must have; null for any text. It needs stop tokens.</summary>
    internal TokenForm? Form { get; init; }

    /// <summary>The defaults of a model, from generation_config.json, with further stop ids: those that end the tokenizer's texts and
    /// turns.</summary>
    /// <param name="config">The configuration in the model's folder. A temperature or top_p of 0 takes the likeliest token each
    /// time, until a caller gives another value.</param>
    /// <param name="tokenizer">Provides the stop ids; null for raw ids without a tokenizer.</param>
    public static GenerationOptions From(GenerationConfig config, Tokenizer? tokenizer)
    {
        var fallback = new GenerationOptions();
        return fallback with
        {
            MaxNewTokens = config.MaxNewTokens ?? fallback.MaxNewTokens,
            DoSample = config.DoSample,
            Temperature = (float)config.Temperature,
            TopK = config.TopK,
            TopP = (float)config.TopP,
            MinP = (float)config.MinP,
            RepetitionPenalty = (float)config.RepetitionPenalty,
            NoRepeatNgramSize = config.NoRepeatNgramSize,
            SuppressTokens = config.SuppressTokens,
            BeginSuppressTokens = config.BeginSuppressTokens,
            StopTokenIds = config.StopTokenIds(tokenizer),
        };
    }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="LapidaryException">An option is out of range; the message names it.</exception>
    public void Validate()
    {
        RecordLimits.Check(this);
        if (Form is not null && StopTokenIds.Count == 0)
            throw new LapidaryException("Form: expected StopTokenIds, found none, so no answer could end; name the model's stop tokens.");
    }
}
