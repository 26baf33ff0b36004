using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Configuration;

namespace Lapidary.Gemma;

/// <summary>config.json of a Gemma 3 model, text-only or the text part of a multimodal one. Properties are its keys in Pascal case; the old
/// (4.50) and the new (5.x) spelling of transformers are both read.</summary>
public sealed record GemmaConfig
{
    /// <summary>The file's name in a model folder.</summary>
    public const string FileName = "config.json";

    /// <summary>Rows of the embedding table.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the gated MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads; each serves <see cref="NumAttentionHeads"/> / <see cref="NumKeyValueHeads"/> query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Elements of a head; even.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Attention scores are multiplied by this to the power −½.</summary>
    public required double QueryPreAttnScalar { get; init; }

    /// <summary>ε of every RMSNorm.</summary>
    public required double RmsNormEps { get; init; }

    /// <summary>Tokens that a sliding layer sees, the query's own included.</summary>
    public required int SlidingWindow { get; init; }

    /// <summary>Attention of each layer, [<see cref="NumHiddenLayers"/>].</summary>
    public required IReadOnlyList<LayerType> LayerTypes { get; init; }

    /// <summary>θ of the full layers' rotary embedding.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>θ of the sliding layers' rotary embedding.</summary>
    public required double RopeLocalBaseFreq { get; init; }

    /// <summary>Positions of the full layers are divided by this ("linear" scaling); 1 without scaling.</summary>
    public required double RopeScalingFactor { get; init; }

    /// <summary>The context length the model was made for.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>Whether lm_head is the embedding table.</summary>
    public required bool TieWordEmbeddings { get; init; }

    /// <summary>The token before every text.</summary>
    public required int BosTokenId { get; init; }

    /// <summary>Tokens that end a text; generation_config.json may name more.</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    /// <summary>The token that pads short rows.</summary>
    public required int PadTokenId { get; init; }

    /// <summary>The weights' type as torch spells it, "bfloat16". The tensors themselves may have another type.</summary>
    public required string Dtype { get; init; }

    /// <summary>Whether the checkpoint also has a vision tower (model_type gemma3), which training and generation leave out.</summary>
    public required bool IsMultimodal { get; init; }

    /// <summary>How bitsandbytes stored the weights, or null for plain weights.</summary>
    public required BitsAndBytesConfig? Quantization { get; init; }

    /// <summary>The file as it was read.</summary>
    internal JsonObject Json { get; init; } = [];

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="LapidaryException">The file is absent or damaged, or Lapidary cannot run the model exactly.</exception>
    public static GemmaConfig Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        return GemmaConfigReader.Read(path, JsonFile.Read(path));
    }

    /// <summary>The configuration of a published size, text-only: "270m", "1b", "4b", "12b" or "27b".</summary>
    /// <exception cref="LapidaryException">The size does not exist.</exception>
    public static GemmaConfig Preset(string size) => GemmaPresets.Create(size);

    /// <summary>The published sizes that <see cref="Preset"/> knows, smallest first.</summary>
    public static IReadOnlyList<string> PresetNames => GemmaPresets.Names;

    /// <summary>Writes config.json with changes; every other key stays as it was read.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="changes">Changes that match the new weights.</param>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    internal void WriteTo(string folder, GemmaConfigChanges changes) =>
        JsonFile.Write(Path.Combine(folder, FileName), changes.Apply((JsonObject)Json.DeepClone()));
}
