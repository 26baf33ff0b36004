namespace Lapidary.Training;

/// <summary>How a run's optimizer steps are laid out.</summary>
/// <param name="MergedMicroBatches">Micro-batches that run as one, at most. The bits of the gradients depend on it.</param>
/// <param name="RecomputedLayers">Layers, from the first on, that are computed again on the way back. No bits depend on it.</param>
/// <param name="MaxLogitsBytes">Logits held at a time. The bits of a trained head depend on it.</param>
public sealed record StepPlan(int MergedMicroBatches, int RecomputedLayers, long MaxLogitsBytes);
