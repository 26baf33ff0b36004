using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Cards;

/// <summary>What of a published size a card trains, by the planner.</summary>
/// <param name="Size">"1b".</param>
/// <param name="Rows">The most rows of <see cref="RowTokens"/> tokens at a time; 0 for none.</param>
/// <param name="LongestRow">The longest row, a power of two; 0 for none.</param>
/// <param name="TokensPerSecond">The speed of large steps, by its operations and bytes; null where nothing fits or no rate is
/// known.</param>
internal sealed record CardFit(string Size, int Rows, int LongestRow, double? TokensPerSecond)
{
    /// <summary>Tokens of a row.</summary>
    public const int RowTokens = 512;

    /// <summary>Rows of a step whose speed is estimated.</summary>
    private const int StepRows = 4;

    /// <summary>Lengths that are tried.</summary>
    private const int MaxLength = 32768;

    /// <summary>Plans QLoRA of a size on a card.</summary>
    /// <param name="card">The card.</param>
    /// <param name="size">The published size.</param>
    /// <param name="lora">The adapter.</param>
    /// <param name="computing">How it computes.</param>
    /// <param name="freeBytes">Free memory.</param>
    public static CardFit Of(GpuCard card, string size, LoraConfig lora, CudaOptions computing, long freeBytes)
    {
        var sizes = GemmaConfig.Preset(size);
        long budget = MemoryPlanner.UsableBytes(freeBytes);
        using var counter = card.CreateCounter(computing);
        using var model = GemmaModel.Skeleton(sizes, counter, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var adapter = Adapter.Skeleton(model, lora);
        var lean = new SftConfig { GradientAccumulationSteps = 1, GradientCheckpointing = GradientCheckpointing.True };
        int rows = Planner(lean).LargestBatchSize();
        if (rows == 0) return new CardFit(size, 0, 0, null);

        int longest = RowTokens, most = Math.Min(MaxLength, sizes.MaxPositionEmbeddings);
        while (longest < most && Planner(Lengthened(2 * longest)).Plan().Fits) longest *= 2;
        var plan = Planner(new SftConfig { GradientAccumulationSteps = 1, PerDeviceTrainBatchSize = StepRows }).Plan();
        double? seconds = card.Speed is { } speed && plan.Fits
            ? speed.Seconds(sizes, plan, StepRows * RowTokens, trainsLayers: false, trainsHead: adapter.Head is not null)
                + StepSpeed.UpdateSeconds(adapter.ParameterCount, speed.BytesPerSecond)
            : null;
        return new CardFit(size, rows, longest, StepRows * RowTokens / seconds);

        MemoryPlanner Planner(SftConfig config) => new(model, adapter, config, budget);

        SftConfig Lengthened(int length) => lean with { MaxLength = length, PerDeviceTrainBatchSize = 1 };
    }
}
