using System.Text.Json.Nodes;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;

namespace Lapidary.Gemma.Configuration;

/// <summary>The files of a Hugging Face model folder other than the weights and config.json; the writer of the weights writes
/// config.json.</summary>
internal static class ModelFolder
{
    private static string[] Names => HubFiles.ModelNames;

    /// <summary>Whether a file is one that describes a model or its tokenizer.</summary>
    public static bool IsPart(string name) => Names.Contains(name) || TokenizerFolder.IsPart(name);

    /// <summary>Copies the tokenizer's files and the model's other configurations.</summary>
    public static void CopyAll(string source, string target)
    {
        TokenizerFolder.Copy(source, target);
        foreach (string name in Names) ModelFiles.TryCopy(name, source, target);
    }

    /// <summary>As <see cref="CopyAll"/>, for a model with another tokenizer than its base: copies that tokenizer, and adds the tokens that
    /// end its texts and turns to generation_config.json, because base + adapter stop there too.</summary>
    /// <param name="source">The base.</param>
    /// <param name="target">The new model's folder.</param>
    /// <param name="tokenizer">From <see cref="TokenizerFolder.Resolve"/>; null for none.</param>
    /// <param name="config">The base's.</param>
    /// <returns>The ids for config.json, which some tools read instead; null if it already has all of them.</returns>
    public static IReadOnlyList<int>? CopyMerged(string source, string target, string? tokenizer, GemmaConfig config)
    {
        CopyAll(source, target);
        if (tokenizer is null) return null;
        TokenizerFolder.Copy(tokenizer, target);
        return AddStops(source, target, tokenizer, config);
    }

    /// <summary>Copies the settings of generation and images, for a model trained from another one whose folder has its tokenizer already,
    /// or gets none.</summary>
    /// <param name="source">The base.</param>
    /// <param name="target">The new model's folder.</param>
    /// <param name="config">The base's.</param>
    /// <returns>As <see cref="CopyMerged"/>.</returns>
    public static IReadOnlyList<int>? CopyTrained(string source, string target, GemmaConfig config)
    {
        foreach (string name in Names.Where(name => name != HubFiles.PromptKindName)) ModelFiles.TryCopy(name, source, target);
        return TokenizerFolder.Resolve(target) is { } tokenizer ? AddStops(source, target, tokenizer, config) : null;
    }

    private static int[]? AddStops(string source, string target, string tokenizer, GemmaConfig config)
    {
        var generation = GenerationConfig.Load(source, config);
        var stops = generation.StopTokenIds(Tokenizer.Load(tokenizer));
        int[] all = [.. config.EosTokenIds.Union(stops)];
        var missing = all.Length > config.EosTokenIds.Count ? all : null;
        if (stops.Count == generation.EosTokenIds.Count) return missing;
        string path = Path.Combine(target, GenerationConfig.FileName);
        var json = File.Exists(path)
            ? JsonFile.Read(path)
            : new JsonObject { ["bos_token_id"] = generation.BosTokenId, ["pad_token_id"] = generation.PadTokenId };
        json["eos_token_id"] = new JsonArray([.. stops.Select(id => JsonValue.Create(id))]);
        JsonFile.Write(path, json);
        return missing;
    }
}
