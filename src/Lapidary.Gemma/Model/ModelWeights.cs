using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>The parts of a model, brought together by a <see cref="WeightSource"/>.</summary>
internal sealed record ModelWeights
{
    /// <summary>What lives as long as the model: its memory and the mapped files.</summary>
    public required IDisposable Owner { get; init; }

    /// <summary>The base's memory on the backend.</summary>
    public required MemoryRegion Region { get; init; }

    public required EmbeddingTable Embedding { get; init; }

    public required float EmbeddingScale { get; init; }

    /// <summary>Null where the head is tied to the embedding.</summary>
    public required Tensor? LmHead { get; init; }

    public required IReadOnlyList<DecoderLayer> Layers { get; init; }

    public required Tensor Norm { get; init; }
}

/// <summary>The embedding, [vocabulary, hidden].</summary>
/// <param name="DType">Its type.</param>
/// <param name="OnBackend">Brought to the backend when it is first used: a run that trains its own copy never does.</param>
/// <param name="OnHost">The same in host memory, null where it was made on the backend.</param>
internal sealed record EmbeddingTable(DType DType, Lazy<Tensor> OnBackend, Tensor? OnHost);
