using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Training;

/// <summary>The planned use of memory: the layout and its bytes, known before anything is computed.</summary>
/// <param name="Steps">The layout of steps.</param>
/// <param name="Layers">Decoder layers of the model.</param>
/// <param name="Batch">Rows of an optimizer step over all ranks, as the user requested them.</param>
/// <param name="BatchTokens">Tokens of the largest micro-batch, padding included.</param>
/// <param name="StepRows">Largest number of rows of an optimizer step on one rank.</param>
/// <param name="RunTokens">Tokens of the largest pass through the model.</param>
/// <param name="Predicted">Predicted memory of the whole run.</param>
/// <param name="BudgetBytes">Available memory.</param>
public sealed record MemoryPlan(
    StepPlan Steps, int Layers, EffectiveBatch Batch, int BatchTokens, int StepRows, int RunTokens, MemoryUse Predicted, long BudgetBytes)
{
    /// <summary>Rows of a micro-batch.</summary>
    public int BatchRows => Batch.PerDevice;

    /// <summary>Whether the run trains all weights, which the advice follows.</summary>
    internal bool TrainsAll { get; init; }

    /// <summary>Whether the run fits.</summary>
    public bool Fits => Predicted.TotalBytes <= BudgetBytes;

    /// <summary>Choices that the user did not make, one line each.</summary>
    public IEnumerable<string> Notes()
    {
        int rows = Steps.RowsPerRun, batch = Math.Min(BatchRows, StepRows);
        if (rows > batch)
        {
            yield return rows % batch == 0
                ? $"{rows / batch} micro-batches of {BatchTokens:N0} tokens run as one of {RunTokens:N0}."
                : $"{rows} rows run as one batch of {RunTokens:N0} tokens, more than a micro-batch of {batch} rows.";
        }

        if (rows < batch)
            yield return $"a micro-batch of {BatchTokens:N0} tokens runs in parts of {RunTokens:N0}, which gives the same step.";
        if (Fits && Steps.RecomputedLayers > 0 && Steps.RecomputedLayers < Layers)
            yield return $"{Steps.RecomputedLayers} of {Layers} layers are computed again on the way back, so that the run fits in memory.";
        if (!Fits) yield return Advice;
    }

    /// <summary>Options that would make the leanest layout smaller. A smaller micro-batch would not: its rows already run one by
    /// one.</summary>
    private string Advice => TrainsAll ? AdviceForFull
        : $"less memory is taken with {Recomputation}a smaller MaxLength, "
        + "ModulesToSave none, or a smaller model, where they are not so already; or set Quantization to nf4.";

    /// <summary>The weights with their gradients and moments are most of it, and options of LoRA are none of this method's.</summary>
    private string AdviceForFull
    {
        get
        {
            const string Other = "more GPUs, which divide the moments among them; or set method to lora.";
            long least = Predicted[MemoryOwner.Parameters] + Predicted[MemoryOwner.Gradients] + Predicted[MemoryOwner.Optimizer];
            return least > BudgetBytes
                ? $"all weights in float32 with gradients and moments take {ByteSize.Format(least)} whatever the other options are: "
                    + $"it takes a smaller model, or {Other}"
                : $"less memory is taken with {Recomputation}a smaller MaxLength or a smaller model, or with {Other}";
        }
    }

    private string Recomputation => Steps.RecomputedLayers < Layers ? "GradientCheckpointing auto, " : "";

    /// <summary>Refuses a run that does not fit.</summary>
    /// <exception cref="LapidaryException">It does not fit; the message says what would help.</exception>
    public void RequireFit()
    {
        if (Fits) return;

        // A string, all of whose words are this message's own: the advice names options.
        string text = $"Out of memory before it starts: the run needs {ByteSize.Format(Predicted.TotalBytes)} ({Predicted}), "
            + $"{ByteSize.Format(BudgetBytes)} are available; {Advice}";
        throw new LapidaryException(text);
    }
}
