namespace Lapidary.Training;

/// <summary>The layout of a run's optimizer steps.</summary>
/// <param name="RowsPerRun">Largest number of rows that go through the model at a time. The loss is a sum over the tokens of the whole
/// step, so a step is the same for any grouping of its rows, except for rounding.</param>
/// <param name="RecomputedLayers">Number of first layers that are recomputed in the backward pass. It does not affect any bits.</param>
/// <param name="MaxLogitsBytes">Bytes of logits held at a time. It affects the bits of a trained head's gradient.</param>
/// <param name="MaxDecodedBytes">Bytes of decoded weights kept between uses. It does not affect any bits.</param>
public sealed record StepPlan(int RowsPerRun, int RecomputedLayers, long MaxLogitsBytes, long MaxDecodedBytes = 0);
