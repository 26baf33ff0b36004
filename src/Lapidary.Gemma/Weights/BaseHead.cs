using Lapidary.Formats.Safetensors;

namespace Lapidary.Gemma.Weights;

/// <summary>The head of a checkpoint whose config.json ties it to the embedding. A copy of the embedding is treated as the embedding; any
/// other head is kept, as in transformers 5 and vLLM.</summary>
internal static class BaseHead
{
    /// <summary>The note for a head that is kept.</summary>
    public const string Note = "config.json ties lm_head to embed_tokens, but the weights hold another lm_head: "
        + "it is kept as a separate matrix, as in transformers 5 and vLLM.";

    /// <summary>The configuration that matches the weights. For a folder without weights, that of config.json.</summary>
    /// <param name="folder">The model's folder.</param>
    public static GemmaConfig ConfigOf(string folder)
    {
        var config = GemmaConfig.Load(folder);
        if (!config.TieWordEmbeddings || !CheckpointFiles.AreIn(folder)) return config;
        using var checkpoint = Checkpoint.Open(folder);
        return ConfigOf(config, checkpoint);
    }

    /// <summary>The configuration that matches the weights: untied if they contain a separate head.</summary>
    public static GemmaConfig ConfigOf(GemmaConfig config, Checkpoint checkpoint)
    {
        if (!config.TieWordEmbeddings) return config;
        string? embedding = null, head = null;
        foreach (var entry in checkpoint.Entries)
        {
            if (!TensorNames.TryNormalize(entry.Name, out string? name)) continue;
            if (name == TensorNames.Embedding) embedding ??= entry.Name;
            if (name == TensorNames.Head) head ??= entry.Name;
        }

        if (head is null || embedding is null || TensorStream.AreEqual(checkpoint.Get(embedding), checkpoint.Get(head))) return config;
        return config with { TieWordEmbeddings = false };
    }
}
