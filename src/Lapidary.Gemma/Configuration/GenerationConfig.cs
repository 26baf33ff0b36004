using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma;

/// <summary>generation_config.json: how the model's makers want text to be sampled. Defaults are those of transformers.</summary>
public sealed record GenerationConfig
{
    /// <summary>The file's name in a model folder.</summary>
    public const string FileName = "generation_config.json";

    /// <summary>The token before every text.</summary>
    public required int BosTokenId { get; init; }

    /// <summary>Tokens that end a text; the instruction-tuned models add the end of a turn (106).</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    /// <summary>The token that fills up short rows.</summary>
    public required int PadTokenId { get; init; }

    /// <summary>Draw tokens at random; false takes the likeliest one.</summary>
    public bool DoSample { get; init; }

    /// <summary>Logits are divided by this before sampling.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Sample among this many of the likeliest tokens; 0 for all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Sample among the likeliest tokens whose probabilities reach this sum.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Maximum number of tokens to generate, or null when the file does not say.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Ids at which generation ends: the file's, and with a tokenizer also those at which its texts and its turns of a conversation
    /// end, since training may have taught them.</summary>
    public IReadOnlyList<int> StopTokenIds(Tokenizer? tokenizer)
    {
        int?[] taught = [tokenizer?.EosTokenId, tokenizer?.EndOfTurnTokenId];
        return [.. EosTokenIds.Union(taught.OfType<int>())];
    }

    /// <summary>Reads the file of a model folder; without one, or for absent keys, the model's configuration and the defaults
    /// hold.</summary>
    /// <exception cref="LapidaryException">The file is damaged.</exception>
    public static GenerationConfig Load(string folder, GemmaConfig model)
    {
        var fallback =
            new GenerationConfig { BosTokenId = model.BosTokenId, EosTokenIds = model.EosTokenIds, PadTokenId = model.PadTokenId };
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return fallback;
        var json = new JsonSection(path, JsonFile.Read(path));
        return fallback with
        {
            BosTokenId = json.Int("bos_token_id", fallback.BosTokenId, 0, int.MaxValue),
            EosTokenIds = json.Ints("eos_token_id", 0, int.MaxValue) ?? fallback.EosTokenIds,
            PadTokenId = json.Int("pad_token_id", fallback.PadTokenId, 0, int.MaxValue),
            DoSample = json.Flag("do_sample", fallback.DoSample),
            Temperature = json.Number("temperature", fallback.Temperature, 0, 1000),
            TopK = json.Int("top_k", fallback.TopK, 0, int.MaxValue),
            TopP = json.Number("top_p", fallback.TopP, 0, 1),
            MaxNewTokens = json.Has("max_new_tokens") ? json.Int("max_new_tokens", 0, 1, int.MaxValue) : null,
        };
    }
}
