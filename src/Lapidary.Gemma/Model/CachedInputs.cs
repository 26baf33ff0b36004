using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>The inputs of a step over tokens of texts in a cache, which receives their keys and values.</summary>
/// <param name="Cache">Keys and values of the texts so far.</param>
/// <param name="Ids">Int32 [tokens].</param>
/// <param name="Positions">Int32 [tokens]: each token's position in its text.</param>
/// <param name="Slots">Int32 [tokens]: the slot of each token's text; −1 for a row without a token.</param>
internal sealed record CachedInputs(KvCache Cache, Tensor Ids, Tensor Positions, Tensor Slots)
{
    /// <summary>The adapters of the rows, in place of the model's own; null for that one.</summary>
    public StepAdapters? Adapters { get; init; }
}

/// <summary>The adapters of a decoding step, of which each row has one or none.</summary>
/// <param name="Weights">What is trained of each model; null for the base.</param>
/// <param name="Indices">Int32 [tokens]: which of them a row has; −1 for none. Null for a step of base rows alone, which costs nothing
/// more than a step of the base.</param>
internal sealed record StepAdapters(IReadOnlyList<TrainedWeights?> Weights, Tensor? Indices)
{
    /// <summary>Those of a projection; null if no adapter changes it.</summary>
    /// <param name="module">Its name.</param>
    public RowAdapters? Of(string module)
    {
        if (Indices is null) return null;
        LoraAdapter?[] adapters = [.. Weights.Select(weights => weights?.AdapterOf(module))];
        return Array.TrueForAll(adapters, adapter => adapter is null) ? null : new RowAdapters(adapters, Indices);
    }
}
