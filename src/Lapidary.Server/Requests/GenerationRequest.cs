using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>What both kinds of completions ask for, besides their prompts.</summary>
/// <param name="Options">Sampling, and what the model's files say; the seed is that of the first answer.</param>
/// <param name="MaxTokens">Most tokens of an answer; null for the rest of the context.</param>
/// <param name="Stops">Texts that end an answer.</param>
/// <param name="Choices">Number of answers to each prompt.</param>
/// <param name="IsStream">Whether to send pieces.</param>
/// <param name="IncludeUsage">Whether a last piece has the usage.</param>
internal sealed record GenerationRequest(
    GenerationOptions Options, int? MaxTokens, IReadOnlyList<string> Stops, int Choices, bool IsStream, bool IncludeUsage)
{
    /// <summary>Most answers of a request.</summary>
    public const int MaxChoices = 128;

    private const int MaxStops = 16, MaxStopLength = 1000;

    /// <summary>Number of likeliest tokens to report, 0 for the chosen ones alone; null for none.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>Reads the fields.</summary>
    /// <param name="fields">The request.</param>
    /// <param name="defaults">The model's options.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="newSeed">Provides a seed for a request without one.</param>
    /// <exception cref="ApiException">A field is wrong, or asks for what is not supported.</exception>
    public static GenerationRequest Read(RequestFields fields, GenerationOptions defaults, Tokenizer tokenizer, Func<long> newSeed)
    {
        UnsupportedFields.Refuse(fields);
        bool isStream = fields.Flag("stream");
        var streaming = fields.Object("stream_options");
        if (streaming is not null && !isStream) throw ApiException.Wrong("stream_options", "expected only with stream true.");
        string[] stops = [.. fields.Texts("stop").Where(text => text.Length > 0)];
        if (stops.Length > MaxStops) throw ApiException.Wrong("stop", $"expected at most {MaxStops} texts, found {stops.Length}.");
        if (stops.Any(text => text.Length > MaxStopLength))
            throw ApiException.Wrong("stop", $"expected texts of at most {MaxStopLength} characters.");
        int? most = fields.Integer("max_completion_tokens", 1, int.MaxValue), older = fields.Integer("max_tokens", 1, int.MaxValue);
        return new(
            Sampling(fields, defaults, newSeed) with { Form = AnswerFormat.Read(fields, tokenizer) }, most ?? older, stops,
            fields.Integer("n", 1, MaxChoices) ?? 1, isStream, streaming?.Flag("include_usage") ?? false);
    }

    /// <summary>The rules of GemmaChatClient: a sampling field turns sampling on, and without one it is as the model's files say. Limits
    /// and meanings are those of the options, so that each value means the same in a program and on the command line.</summary>
    private static GenerationOptions Sampling(RequestFields fields, GenerationOptions defaults, Func<long> newSeed)
    {
        float? temperature = Number(fields, "temperature", nameof(GenerationOptions.Temperature));
        float? topP = Number(fields, "top_p", nameof(GenerationOptions.TopP));
        float? minP = Number(fields, "min_p", nameof(GenerationOptions.MinP));
        var topKs = RecordLimits.Of<GenerationOptions>(nameof(GenerationOptions.TopK));
        int? topK = fields.Integer("top_k", (int)topKs.Minimum, (int)topKs.Maximum);
        bool isAsked = temperature is not null || topP is not null || topK is not null || minP is not null;
        return defaults with
        {
            DoSample = isAsked || defaults.DoSample,
            Temperature = temperature ?? defaults.Temperature,
            TopP = topP ?? defaults.TopP,
            TopK = topK ?? defaults.TopK,
            MinP = minP ?? defaults.MinP,
            RepetitionPenalty =
                Number(fields, "repetition_penalty", nameof(GenerationOptions.RepetitionPenalty)) ?? defaults.RepetitionPenalty,
            Seed = fields.Long("seed") ?? newSeed(),
        };
    }

    private static float? Number(RequestFields fields, string name, string property)
    {
        var range = RecordLimits.Of<GenerationOptions>(property);
        return (float?)fields.Number(name, (double)range.Minimum, (double)range.Maximum);
    }
}
