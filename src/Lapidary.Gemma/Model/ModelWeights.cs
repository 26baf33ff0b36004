using Lapidary.Engine;
using Lapidary.Gemma.Lifetime;

namespace Lapidary.Gemma.Model;

/// <summary>The parts of a model, collected by a <see cref="WeightSource"/>.</summary>
internal sealed record ModelWeights
{
    /// <summary>The resources that live as long as the model: its memory and the mapped files.</summary>
    public required IDisposable Owner { get; init; }

    /// <summary>The base's memory on the backend.</summary>
    public required MemoryRegion Region { get; init; }

    public required StoredMatrix Embedding { get; init; }

    public required float EmbeddingScale { get; init; }

    /// <summary>Null if the head is tied to the embedding.</summary>
    public required StoredMatrix? LmHead { get; init; }

    public required IReadOnlyList<DecoderLayer> Layers { get; init; }

    public required NormLayer Norm { get; init; }

    /// <summary>What is known of numbers in them that are not finite; one for all models that share them.</summary>
    public KnownFault Fault { get; init; } = new();

    /// <summary>What computes with the models that share them; null for the model that owns them.</summary>
    public ModelUsers? Users { get; init; }
}
