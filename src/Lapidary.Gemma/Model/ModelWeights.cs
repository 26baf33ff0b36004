using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>The parts of a model, collected by a <see cref="WeightSource"/>.</summary>
internal sealed record ModelWeights
{
    /// <summary>The resources that live as long as the model: its memory and the mapped files.</summary>
    public required IDisposable Owner { get; init; }

    /// <summary>The base's memory on the backend.</summary>
    public required MemoryRegion Region { get; init; }

    public required EmbeddingTable Embedding { get; init; }

    public required float EmbeddingScale { get; init; }

    /// <summary>Null if the head is tied to the embedding.</summary>
    public required Tensor? LmHead { get; init; }

    public required IReadOnlyList<DecoderLayer> Layers { get; init; }

    public required Tensor Norm { get; init; }
}

/// <summary>The embedding, [vocabulary, hidden].</summary>
/// <param name="DType">Its type.</param>
/// <param name="OnBackend">The tensor on the backend, copied on first use. A run that trains a copy never uses it.</param>
/// <param name="OnHost">The same in host memory; null if it was created on the backend.</param>
internal sealed record EmbeddingTable(DType DType, Lazy<Tensor> OnBackend, Tensor? OnHost);
