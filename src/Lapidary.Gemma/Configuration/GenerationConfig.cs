using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma;

/// <summary>generation_config.json: the sampling settings that the model's authors recommend. Defaults are those of transformers.</summary>
public sealed record GenerationConfig
{
    /// <summary>The file's name in a model folder.</summary>
    public const string FileName = "generation_config.json";

    /// <summary>The token before every text.</summary>
    public required int BosTokenId { get; init; }

    /// <summary>Tokens that end a text; the instruction-tuned models add the end of a turn (106).</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    /// <summary>The token that pads short rows.</summary>
    public required int PadTokenId { get; init; }

    /// <summary>Draw tokens at random; false takes the likeliest one.</summary>
    public bool DoSample { get; init; }

    /// <summary>Logits are divided by this before sampling; 0 takes the likeliest token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Sample among this many of the likeliest tokens; 0 for all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Sample among the likeliest tokens whose probabilities reach this sum; 0 takes the likeliest.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Sample only tokens at least this likely, relative to the likeliest; 0 for all.</summary>
    public double MinP { get; init; }

    /// <summary>Logits of tokens that occurred before are divided by this, or multiplied if they are negative; 1 for no penalty.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>No sequence of this many tokens occurs twice; 0 for no limit.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Tokens that are never generated.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary>Tokens that are not generated first.</summary>
    public IReadOnlyList<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>Keys of the file that would change the text but are not supported, with their values: "num_beams 4".</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>Maximum number of tokens to generate, or null when the file does not say.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Ids at which generation ends: those of the file and, with a tokenizer, those that end its texts and turns, because training
    /// may have taught them.</summary>
    public IReadOnlyList<int> StopTokenIds(Tokenizer? tokenizer)
    {
        int?[] taught = [tokenizer?.EosTokenId, tokenizer?.EndOfTurnTokenId];
        return [.. EosTokenIds.Union(taught.OfType<int>())];
    }

    // Keys that are not applied, with the number that means nothing, as false, null and an empty list do everywhere.
    private static readonly (string Key, double Neutral)[] Unsupported =
    [
        ("num_beams", 1), ("num_beam_groups", 1), ("diversity_penalty", 0), ("penalty_alpha", 0), ("typical_p", 1), ("top_h", 1),
        ("epsilon_cutoff", 0), ("eta_cutoff", 0), ("encoder_repetition_penalty", 1), ("encoder_no_repeat_ngram_size", 0),
        ("min_length", 0), ("min_new_tokens", 0), ("guidance_scale", 1), ("num_return_sequences", 1), ("bad_words_ids", 0),
        ("force_words_ids", 0), ("sequence_bias", 0), ("constraints", 0), ("forced_bos_token_id", -1), ("forced_eos_token_id", -1),
        ("forced_decoder_ids", 0), ("exponential_decay_length_penalty", 0), ("stop_strings", 0), ("max_time", 0),
        ("watermarking_config", 0), ("dola_layers", 0),
    ];

    private static IEnumerable<string> NotApplied(JsonSection json)
    {
        foreach (var (key, neutral) in Unsupported)
        {
            var value = json.Json[key];
            bool means = value switch
            {
                null => false,
                JsonArray list => list.Count > 0,
                JsonObject fields => fields.Count > 0,
                _ => value.GetValueKind() != JsonValueKind.False
                    && !(value.GetValueKind() == JsonValueKind.Number && value.GetValue<double>() == neutral),
            };
            if (means) yield return $"{key} {JsonSection.Describe(value)}";
        }
    }

    /// <summary>Reads the file of a model folder; without a file, or for absent keys, the model's configuration and the defaults
    /// apply.</summary>
    /// <exception cref="LapidaryException">The file is damaged.</exception>
    public static GenerationConfig Load(string folder, GemmaConfig model)
    {
        var fallback =
            new GenerationConfig { BosTokenId = model.BosTokenId, EosTokenIds = model.EosTokenIds, PadTokenId = model.PadTokenId };
        string path = Path.Combine(folder, FileName);
        if (!InputFile.IsThere(path)) return fallback;
        var json = new JsonSection(path, JsonFile.Read(path));
        return fallback with
        {
            BosTokenId = json.Int("bos_token_id", fallback.BosTokenId, 0, int.MaxValue),
            EosTokenIds = json.Ints("eos_token_id", 0, int.MaxValue) ?? fallback.EosTokenIds,
            PadTokenId = json.Int("pad_token_id", fallback.PadTokenId, 0, int.MaxValue),
            DoSample = json.Flag("do_sample", fallback.DoSample),
            Temperature = json.Number("temperature", fallback.Temperature, 0, 1000),
            TopK = Math.Max(json.Int("top_k", fallback.TopK, -1, int.MaxValue), 0),
            TopP = json.Number("top_p", fallback.TopP, 0, 1),
            MinP = json.Number("min_p", fallback.MinP, 0, 1),
            RepetitionPenalty = json.Number("repetition_penalty", fallback.RepetitionPenalty, 0.001, 1000),
            NoRepeatNgramSize = json.Int("no_repeat_ngram_size", fallback.NoRepeatNgramSize, 0, int.MaxValue),
            SuppressTokens = json.Ints("suppress_tokens", 0, int.MaxValue) ?? fallback.SuppressTokens,
            BeginSuppressTokens = json.Ints("begin_suppress_tokens", 0, int.MaxValue) ?? fallback.BeginSuppressTokens,
            Ignored = [.. NotApplied(json)],
            MaxNewTokens = json.Has("max_new_tokens") ? json.Int("max_new_tokens", 0, 1, int.MaxValue) : null,
        };
    }
}
