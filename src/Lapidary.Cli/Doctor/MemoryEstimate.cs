using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Doctor;

/// <summary>The least memory for QLoRA training of a published size.</summary>
/// <param name="Size">"1b".</param>
/// <param name="LoraBytes">LoRA alone.</param>
/// <param name="GuideBytes">The guide's recipe: embedding and head are trained too, as one matrix.</param>
internal sealed record MemoryEstimate(string Size, long LoraBytes, long GuideBytes)
{
    private static readonly SftConfig Config = new() { GradientAccumulationSteps = 1, GradientCheckpointing = GradientCheckpointing.True };

    /// <summary>The published sizes on a device, with the guide's rank, micro-batches of one row of 512 tokens, and gradient
    /// checkpointing.</summary>
    /// <param name="createCounter">Creates a backend that only counts memory.</param>
    public static IReadOnlyList<MemoryEstimate> All(Func<IBackend> createCounter) =>
    [
        .. GemmaConfig.PresetNames.Select(size => new MemoryEstimate(
            size,
            BytesOf(size, isGuide: false, createCounter),
            BytesOf(size, isGuide: true, createCounter))),
    ];

    /// <summary>The most rows of 512 tokens that fit at a time.</summary>
    public static int LargestBatchSize(string size, bool isGuide, long budgetBytes, Func<IBackend> createCounter) =>
        Plan(size, isGuide, budgetBytes, createCounter, planner => planner.LargestBatchSize());

    private static long BytesOf(string size, bool isGuide, Func<IBackend> createCounter) =>
        Plan(size, isGuide, long.MaxValue, createCounter, planner => planner.Plan().Predicted.TotalBytes);

    private static T Plan<T>(
        string size, bool isGuide, long budgetBytes, Func<IBackend> createCounter, Func<MemoryPlanner, T> plan)
    {
        var lora = isGuide ? LoraConfig.Guide : LoraConfig.Guide with { ModulesToSave = null };
        using var counter = createCounter();
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset(size), counter, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var adapter = Adapter.Skeleton(model, lora);
        return plan(new MemoryPlanner(model, adapter, Config, budgetBytes: budgetBytes));
    }
}
