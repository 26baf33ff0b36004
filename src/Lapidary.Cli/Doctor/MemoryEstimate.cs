using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Doctor;

/// <summary>The least memory that QLoRA training of a published size takes.</summary>
/// <param name="Size">"1b".</param> <param name="LoraBytes">LoRA alone.</param>
/// <param name="GuideBytes">The guide's recipe: embedding and head trained too, as one matrix.</param>
internal sealed record MemoryEstimate(string Size, long LoraBytes, long GuideBytes)
{
    private static readonly SftConfig Config = new() { GradientAccumulationSteps = 1, GradientCheckpointing = GradientCheckpointing.True };

    /// <summary>The published sizes on a device, with the guide's rank, one row of 512 tokens to a micro-batch and gradient
    /// checkpointing.</summary>
    /// <param name="createCounter">Makes a backend that only counts.</param>
    public static IReadOnlyList<MemoryEstimate> All(Func<IBackend> createCounter) =>
    [
        .. GemmaConfig.PresetNames.Select(size => new MemoryEstimate(
            size,
            BytesOf(size, LoraConfig.Guide with { ModulesToSave = null }, createCounter),
            BytesOf(size, LoraConfig.Guide, createCounter))),
    ];

    private static long BytesOf(string size, LoraConfig lora, Func<IBackend> createCounter)
    {
        using var counter = createCounter();
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset(size), counter, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var adapter = Adapter.Skeleton(model, lora);
        return new MemoryPlanner(model, adapter, Config, budgetBytes: long.MaxValue).Plan().Predicted.TotalBytes;
    }
}
