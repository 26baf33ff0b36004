namespace Lapidary.Engine;

/// <summary>Low-rank updates of one linear layer, of which each row of a step has one or none.</summary>
/// <param name="Adapters">Null where an adapter leaves the layer as it is. Without dropout.</param>
/// <param name="Indices">Int32 [rows]: the index of each row's adapter; −1 for none. The step reads them when it runs, so one recorded
/// step serves every mixture.</param>
public sealed record RowAdapters(IReadOnlyList<LoraAdapter?> Adapters, Tensor Indices);
