using Lapidary.Gemma;

namespace Lapidary.Cli.Doctor;

/// <summary>About how many bytes QLoRA training of a published size takes, from its configuration.</summary>
/// <param name="Size">"1b".</param> <param name="LoraBytes">LoRA alone.</param>
/// <param name="GuideBytes">The guide's recipe: embedding and head trained too, as one matrix.</param>
internal sealed record MemoryEstimate(string Size, long LoraBytes, long GuideBytes)
{
    private const int Tokens = 512;

    // Codes of half a byte, an 8-bit scale to 64 of them, an fp32 scale to 256 of those.
    private const double Nf4BytesPerValue = 0.5 + 1.0 / 64 + 4.0 / (64 * 256);

    // fp32: value, gradient and AdamW's two moments.
    private const int TrainedBytesPerValue = 16;

    /// <summary>The published sizes.</summary>
    public static IReadOnlyList<MemoryEstimate> All { get; } = [.. GemmaConfig.PresetNames.Select(Of)];

    /// <summary>One size, with the guide's rank, 512 tokens to a micro-batch and gradient checkpointing.</summary>
    private static MemoryEstimate Of(string size)
    {
        var config = GemmaConfig.Preset(size);
        long projections = 0, lora = 0, rest = 0, embedding = 0;
        foreach (var tensor in GemmaTensors.Of(config))
        {
            long count = tensor.Shape.Aggregate(1L, (product, length) => product * length);
            if (tensor.Name == TensorNames.Embedding) embedding = count;
            if (TensorNames.IsLinear(tensor.Name.Replace(".weight", "", StringComparison.Ordinal)))
            {
                projections += count;
                lora += LoraConfig.Guide.R * (tensor.Shape[0] + tensor.Shape[1]);
            }
            else
            {
                rest += count;
            }
        }

        // One kept input per layer, and one layer's values with their gradients at a time, all fp32.
        long activations = 4L * Tokens * ((long)config.NumHiddenLayers * config.HiddenSize + 8L * config.IntermediateSize + 16L * config.HiddenSize);
        long loraBytes = (long)(projections * Nf4BytesPerValue) + rest * 2 + lora * TrainedBytesPerValue + activations;
        return new MemoryEstimate(size, loraBytes, loraBytes + embedding * TrainedBytesPerValue);
    }
}
