using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>The inputs of a step over tokens of texts in a cache, which receives their keys and values.</summary>
/// <param name="Cache">Keys and values of the texts so far.</param>
/// <param name="Ids">Int32 [tokens].</param>
/// <param name="Positions">Int32 [tokens]: each token's position in its text.</param>
/// <param name="Slots">Int32 [tokens]: the slot of each token's text; −1 for a row without a token.</param>
internal sealed record CachedInputs(KvCache Cache, Tensor Ids, Tensor Positions, Tensor Slots);
