using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>The parts of a model, brought together by <see cref="ModelLoader"/>.</summary>
internal sealed record ModelWeights
{
    public required MemoryRegion Region { get; init; }

    /// <summary>Brought to the backend when it is first used: a run that trains its own copy never does.</summary>
    public required Lazy<Tensor> EmbedTokens { get; init; }

    /// <summary>The embedding in host memory, null where it was made on the backend.</summary>
    public Tensor? HostEmbedTokens { get; init; }

    /// <summary>Null where the head is tied to the embedding.</summary>
    public required Tensor? LmHead { get; init; }

    public required float EmbeddingScale { get; init; }

    public required IReadOnlyList<DecoderLayer> Layers { get; init; }

    public required Tensor Norm { get; init; }

    /// <summary>What lives as long as the model: its memory and the mapped files.</summary>
    public required IReadOnlyList<IDisposable> Owned { get; init; }

    /// <summary>√hidden as the model's type holds it.</summary>
    public static float EmbeddingScaleOf(GemmaConfig config, DType dtype)
    {
        float scale = MathF.Sqrt(config.HiddenSize);
        return dtype switch
        {
            DType.BFloat16 => BFloat16.Round(scale),
            DType.Float16 => (float)(Half)scale,
            _ => scale,
        };
    }
}
