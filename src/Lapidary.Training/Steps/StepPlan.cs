namespace Lapidary.Training;

/// <summary>How a run's optimizer steps are laid out.</summary>
/// <param name="RowsPerRun">Rows that go through the model at a time, at most. The loss is a sum over the tokens of the whole step, so a
/// step is the same however its rows are put together, but for rounding.</param>
/// <param name="RecomputedLayers">Layers, from the first on, that are computed again on the way back. No bits depend on it.</param>
/// <param name="MaxLogitsBytes">Logits held at a time. The bits of a trained head's gradient depend on it.</param>
/// <param name="MaxDecodedBytes">Decoded weights kept between uses. No bits depend on it.</param>
public sealed record StepPlan(int RowsPerRun, int RecomputedLayers, long MaxLogitsBytes, long MaxDecodedBytes = 0);
