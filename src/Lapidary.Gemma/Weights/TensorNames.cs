using System.Diagnostics.CodeAnalysis;

namespace Lapidary.Gemma.Weights;

/// <summary>How a checkpoint spells the names of the text part.</summary>
internal enum TensorNameStyle
{
    /// <summary>"model.layers.0…", "lm_head.weight": text-only checkpoints; also the canonical spelling here.</summary>
    Text,

    /// <summary>"language_model.model.layers.0…", "language_model.lm_head.weight": multimodal checkpoints on the hub.</summary>
    MultimodalHub,

    /// <summary>"model.language_model.layers.0…", "lm_head.weight": multimodal models inside transformers 4.52 and later.</summary>
    Multimodal,
}

/// <summary>Translates between the spellings of Gemma 3's tensor names. The canonical spelling is that of a text-only checkpoint:
/// "model.layers.0.self_attn.q_proj.weight", "lm_head.weight".</summary>
internal static class TensorNames
{
    /// <summary>The embedding table.</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>The output matrix; absent if it is tied to the embedding.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>The norm after the last layer.</summary>
    public const string Norm = "model.norm.weight";

    /// <summary>Prefix of the names of the decoder layers' tensors.</summary>
    public const string Layers = "model.layers.";

    /// <summary>Suffix of a module's weight after the module's name.</summary>
    public const string WeightSuffix = ".weight";

    /// <summary>PEFT's prefix of every name.</summary>
    public const string PeftPrefix = "base_model.model.";

    // The first matching prefix counts, so longer ones precede their own prefixes.
    private static readonly (string Prefix, string Canonical)[] TextPrefixes =
    [
        ("model.language_model.lm_head.", "lm_head."),
        ("model.language_model.", "model."),
        ("language_model.model.", "model."),
        ("language_model.lm_head.", "lm_head."),
    ];

    private static readonly string[] TextParts = ["lm_head.", "model.embed_tokens.", Layers, "model.norm."];

    /// <summary>The canonical name of a text tensor or module of a base checkpoint; false for vision and unknown names.</summary>
    public static bool TryNormalize(string name, [NotNullWhen(true)] out string? canonical)
    {
        string dotted = name + "."; // so that a module such as "lm_head" is found by the same prefixes as its tensors
        foreach (var (prefix, replacement) in TextPrefixes)
        {
            if (!dotted.StartsWith(prefix, StringComparison.Ordinal)) continue;
            dotted = string.Concat(replacement, dotted.AsSpan(prefix.Length));
            break;
        }

        bool isText = TextParts.Any(part => dotted.StartsWith(part, StringComparison.Ordinal));
        canonical = isText ? dotted[..^1] : null;
        return isText;
    }

    /// <summary>The canonical name of an adapter's tensor, which has PEFT's prefix and then any spelling of the base's; false for
    /// others.</summary>
    public static bool TryNormalizeAdapter(string name, [NotNullWhen(true)] out string? canonical)
    {
        canonical = null;
        return name.StartsWith(PeftPrefix, StringComparison.Ordinal) && TryNormalize(name[PeftPrefix.Length..], out canonical);
    }

    /// <summary>A canonical name in a checkpoint's spelling.</summary>
    public static string ToStyle(string canonical, TensorNameStyle style)
    {
        bool isHead = canonical == "lm_head" || canonical.StartsWith("lm_head.", StringComparison.Ordinal);
        return style switch
        {
            TensorNameStyle.MultimodalHub => "language_model." + canonical,
            TensorNameStyle.Multimodal when !isHead => string.Concat("model.language_model.", canonical.AsSpan("model.".Length)),
            _ => canonical,
        };
    }

    /// <summary>The spelling that a checkpoint's names have.</summary>
    public static TensorNameStyle StyleOf(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (name.StartsWith("language_model.", StringComparison.Ordinal)) return TensorNameStyle.MultimodalHub;
            if (name.StartsWith("model.language_model.", StringComparison.Ordinal)) return TensorNameStyle.Multimodal;
        }

        return TensorNameStyle.Text;
    }

    /// <summary>Whether a module of the text part is a linear layer other than lm_head, as PEFT's "all-linear" takes them.</summary>
    /// <param name="module">The module's path under any spelling, without ".weight".</param>
    public static bool IsLinear(string module) =>
        TryNormalize(module, out string? canonical) && canonical.StartsWith(Layers, StringComparison.Ordinal)
        && LayerTensors.ProjectionNames.Contains(canonical[(canonical.LastIndexOf('.') + 1)..]);
}
