using System.Text.Json.Nodes;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;

namespace Lapidary.Gemma.Configuration;

/// <summary>The files of a Hugging Face model folder beside its weights and config.json, which is written by whoever writes the
/// weights.</summary>
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

    /// <summary>As <see cref="CopyAll"/> for a model that is used with another tokenizer than its base: that one's files, and in
    /// generation_config.json also the tokens at which its texts and turns end, where base and adapter stop too.</summary>
    /// <param name="source">The base.</param>
    /// <param name="target">The new model's folder.</param>
    /// <param name="tokenizer">From <see cref="TokenizerFolder.Resolve"/>; null where there is none.</param>
    /// <param name="config">The base's.</param>
    /// <returns>The ids for config.json, which some tools read instead; null where it has them all.</returns>
    public static IReadOnlyList<int>? CopyMerged(string source, string target, string? tokenizer, GemmaConfig config)
    {
        CopyAll(source, target);
        if (tokenizer is null) return null;
        TokenizerFolder.Copy(tokenizer, target);
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
