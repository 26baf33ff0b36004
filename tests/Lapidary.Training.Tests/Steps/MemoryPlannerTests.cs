using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests;

/// <summary>What the planner predicts against what runs measure, and what it chooses.</summary>
public class MemoryPlannerTests
{
    /// <summary>In place of whole modules.</summary>
    private const string AllWeights = "all";

    public static TheoryData<string, int, int, bool, double, string?, bool> Runs { get; } = new()
    {
        // Device, batch size, accumulation, packing, dropout, whole modules, evaluation.
        { "cpu", 1, 4, false, 0, null, false },
        { "cpu", 3, 2, true, 0.1, "lm_head,embed_tokens", true },
        { "cpu", 2, 1, false, 0, "embed_tokens", true },
        { "cpu", 2, 2, true, 0, AllWeights, true },
        { "cuda", 2, 2, true, 0, AllWeights, true },
        { "cuda", 1, 4, false, 0, null, false },
        { "cuda", 3, 2, true, 0.1, "lm_head,embed_tokens", true },
        { "cuda", 2, 1, false, 0, "embed_tokens", true },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void Plan_IsWhatARunMeasures(
        string device, int batchSize, int accumulation, bool packing, double dropout, string? whole, bool evaluates)
    {
        foreach (var checkpointing in Enum.GetValues<GradientCheckpointing>())
        {
            var config = TrainerRun.Small() with
            {
                PerDeviceTrainBatchSize = batchSize,
                PerDeviceEvalBatchSize = 2,
                GradientAccumulationSteps = accumulation,
                Packing = packing,
                MaxLength = 96,
                MaxSteps = 2,
                GradientCheckpointing = checkpointing,
            };
            var observer = new MemoryObserver();
            using var run = new TrainerRun(
                device, config, TrainerRun.RandomRows(12), adapter: null, observer: observer,
                eval: evaluates ? TrainerRun.RandomRows(5) : null,
                backend: device == "cpu" ? new CpuBackend(threads: 2) : Gpu(),
                lora: LoraConfig.Guide with { R = 4, LoraDropout = dropout, ModulesToSave = whole?.Split(',') },
                isFull: whole == AllWeights);
            observer.Memory = run.Model.Backend.Memory;

            run.Trainer.Train(cancellationToken: TestContext.Current.CancellationToken);

            long predicted = observer.Plan!.Predicted.TotalBytes;
            Assert.Equal(predicted, observer.AfterFirstStep);

            // The last batch of an epoch may be smaller, and has inputs of its own.
            Assert.Equal(predicted, observer.Memory.PeakBytes, predicted / 20);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(100_000, 0)]
    [InlineData(100_000, 0.1)]
    [InlineData(1 << 30, 0.1)]
    public void Plan_ThatKeepsDecodedWeights_IsWhatARunMeasures(long maxDecodedBytes, double dropout)
    {
        var observer = new MemoryObserver();
        using var run = new TrainerRun(
            "cuda", TrainerRun.Small() with { MaxSteps = 2, PerDeviceTrainBatchSize = 4 }, TrainerRun.RandomRows(8), adapter: null,
            dropout, observer, backend: Gpu(), quantization: QuantizationKind.Nf4);
        run.Trainer.FixedSteps = new StepPlan(4, 0, LogitsMemory.LeanBytes, maxDecodedBytes);
        var memory = observer.Memory = run.Model.Backend.Memory;

        run.Trainer.Train(cancellationToken: TestContext.Current.CancellationToken);

        var predicted = observer.Plan!.Predicted;
        Assert.InRange(predicted[MemoryOwner.DecodedWeights], Math.Min(1, maxDecodedBytes), maxDecodedBytes);
        Assert.Equal(predicted[MemoryOwner.DecodedWeights], memory.LiveBytesOf(MemoryOwner.DecodedWeights));
        Assert.Equal(predicted.TotalBytes, observer.AfterFirstStep);
        run.Trainer.Dispose();
        Assert.Equal(0, memory.LiveBytesOf(MemoryOwner.DecodedWeights));
    }

    /// <summary>Bytes of 1B's projections in bf16 with the columns and rows of r = 16, each in one form.</summary>
    private const long DecodedBytes =
        26L * 2 * ((1024 + 256 + 256) * (1152 + 48) + 1152 * (1024 + 16) + 2 * 6912 * (1152 + 32) + (1152 + 16) * 6912);

    [Theory]
    [InlineData(GradientCheckpointing.Auto, 80, DecodedBytes)]
    [InlineData(GradientCheckpointing.False, 80, DecodedBytes)]
    [InlineData(GradientCheckpointing.True, 80, 0)]
    [InlineData(GradientCheckpointing.Auto, 1.8, 0)]
    public void Plan_KeepsDecodedWeights_WhereMemoryIsPlentiful(GradientCheckpointing checkpointing, double gibibytes, long expected)
    {
        var config = new SftConfig { PerDeviceTrainBatchSize = 8, GradientAccumulationSteps = 1, GradientCheckpointing = checkpointing };
        var lora = LoraConfig.Guide with { ModulesToSave = null, LoraDropout = 0 };

        var plan = OnGpu("1b", config, lora, Gibibytes(gibibytes), planner => planner.Plan());

        Assert.Equal((expected, expected), (plan.Predicted[MemoryOwner.DecodedWeights], plan.Steps.MaxDecodedBytes));
        Assert.Equal(expected > 0, plan.Steps.RecomputedLayers == 0);
    }

    /// <summary>Nothing else is given up for them.</summary>
    [Fact]
    public void Plan_KeepsDecodedWeights_InHalfOfWhatIsLeft()
    {
        var config = new SftConfig { PerDeviceTrainBatchSize = 8, GradientAccumulationSteps = 1 };
        var lora = LoraConfig.Guide with { ModulesToSave = null, LoraDropout = 0 };
        MemoryPlan[] plans = [.. Enumerable.Range(3, 14)
            .Select(gibibytes => OnGpu("1b", config, lora, Gibibytes(gibibytes), planner => planner.Plan()))];

        Assert.All(plans, plan => Assert.True(plan.Fits));
        Assert.All(plans, plan => Assert.True(plan.Steps.RecomputedLayers == 0 || plan.Predicted[MemoryOwner.DecodedWeights] == 0));
        Assert.Contains(plans, plan => plan.Predicted[MemoryOwner.DecodedWeights] is > 0 and < DecodedBytes);
        Assert.Equal(DecodedBytes, plans[^1].Predicted[MemoryOwner.DecodedWeights]);

        // Of those that may be kept and are not, none would fit.
        const long Largest = 2 * 6912 * (1152 + 32);
        Assert.All(plans.Where(plan => plan.Predicted[MemoryOwner.DecodedWeights] is > 0 and < DecodedBytes), plan =>
            Assert.InRange(plan.BudgetBytes - plan.Predicted.TotalBytes - plan.Predicted[MemoryOwner.DecodedWeights], 0, 2 * Largest));
    }

    [Fact]
    public void Resume_DecidesAnewWhatIsKept()
    {
        var lora = LoraConfig.Guide with { ModulesToSave = null, LoraDropout = 0 };
        long Kept(double gibibytes)
        {
            var plan = OnGpu("1b", new SftConfig(), lora, Gibibytes(gibibytes), planner => planner.Resume(4, LogitsMemory.LeanBytes));
            return plan.Predicted[MemoryOwner.DecodedWeights];
        }

        Assert.Equal(DecodedBytes, Kept(80));
        Assert.Equal(0, Kept(1.6));
    }

    [Theory]
    [InlineData("1b", 512, 1, 4, true, 7.2)]
    [InlineData("1b", 512, 1, 4, false, 2.7)]
    [InlineData("4b", 1024, 8, 1, false, 5.7)]
    [InlineData("12b", 512, 1, 4, false, 9.1)]
    [InlineData("27b", 512, 1, 4, false, 24)]
    public void Plan_OfPublishedSizesOnAGpu_FitsWhereTheBestPeerDoes(
        string size, int maxLength, int batchSize, int accumulation, bool whole, double gibibytes)
    {
        var config = new SftConfig
        {
            MaxLength = maxLength,
            PerDeviceTrainBatchSize = batchSize,
            GradientAccumulationSteps = accumulation,
            GradientCheckpointing = GradientCheckpointing.True,
        };

        var lora = whole ? LoraConfig.Guide : LoraConfig.Guide with { ModulesToSave = null };

        var plan = OnGpu(size, config, lora, Gibibytes(gibibytes), planner => planner.Plan());

        Assert.True(plan.Fits, $"{ByteSize.Format(plan.Predicted.TotalBytes)}: {plan.Predicted}");
    }

    [Fact]
    public void Plan_RecomputesFewerLayers_TheMoreMemoryThereIs()
    {
        var config = new SftConfig { PerDeviceTrainBatchSize = 8, GradientAccumulationSteps = 1 };
        var lora = LoraConfig.Guide with { ModulesToSave = null };
        MemoryPlan[] plans = [.. new[] { 1.8, 2, 2.4, 2.8, 3.2, 3.6, 4, 4.4, 5, 6, 8, 40 }
            .Select(memory => OnGpu("1b", config, lora, Gibibytes(memory), planner => planner.Plan()))];

        int[] layers = [.. plans.Select(plan => plan.Steps.RecomputedLayers)];
        Assert.Equal(layers.OrderDescending(), layers);
        Assert.Equal(0, layers[^1]);
        Assert.True(layers.Distinct().Count() > 3, string.Join(", ", layers));
        Assert.All(plans, plan => Assert.True(plan.Fits));
        Assert.Equal(LogitsMemory.MaxBytes, plans[^1].Steps.MaxLogitsBytes);
    }

    [Theory]
    [InlineData(512, 1, 4, GradientCheckpointing.Auto, 80, 4)] // merged
    [InlineData(4096, 1, 6, GradientCheckpointing.Auto, 80, 3)] // no more than MaxRunTokens: 3 + 3 rather than 4 + 2
    [InlineData(16384, 1, 4, GradientCheckpointing.Auto, 80, 1)]
    [InlineData(1024, 32, 1, GradientCheckpointing.Auto, 80, 16)] // cut
    [InlineData(1024, 8, 1, GradientCheckpointing.True, 80, 4)] // no more than LeanRunElements
    [InlineData(1024, 8, 1, GradientCheckpointing.False, 6, 2)] // as many as fit
    [InlineData(1024, 8, 1, GradientCheckpointing.Auto, 9, 4)] // rather smaller runs than recomputation
    public void Plan_PutsAStepsRowsTogether(
        int maxLength, int batchSize, int accumulation, GradientCheckpointing checkpointing, double gibibytes, int rowsPerRun)
    {
        var config = new SftConfig
        {
            MaxLength = maxLength,
            PerDeviceTrainBatchSize = batchSize,
            GradientAccumulationSteps = accumulation,
            GradientCheckpointing = checkpointing,
        };

        var plan = OnGpu("1b", config, LoraConfig.Guide with { ModulesToSave = null }, Gibibytes(gibibytes), planner => planner.Plan());

        Assert.True(plan.Fits);
        Assert.Equal(rowsPerRun, plan.Steps.RowsPerRun);
    }

    [Fact]
    public void LargestBatchSize_FitsAndTheNextDoesNot()
    {
        var config = new SftConfig { GradientAccumulationSteps = 1 };
        var lora = LoraConfig.Guide with { ModulesToSave = null };
        int largest = OnGpu("1b", config, lora, Gibibytes(6), planner => planner.LargestBatchSize());

        Assert.InRange(largest, 8, 128);
        bool Fits(int rows) => OnGpu("1b", config, lora, Gibibytes(6), planner => planner.Resume(rows, LogitsMemory.LeanBytes).Fits);
        Assert.True(Fits(largest));
        Assert.False(Fits(largest + 1));
    }

    [Fact]
    public void Plan_OfOptionsAtTheirLimits_Ends()
    {
        var config = new SftConfig { MaxLength = 1 << 14, PerDeviceTrainBatchSize = 4096, GradientAccumulationSteps = 65536 };

        Assert.Equal(1, OnGpu("1b", config, LoraConfig.Guide, Gibibytes(80), planner => planner.Plan()).Steps.RowsPerRun);
    }

    [Fact]
    public void RequireFit_SaysWhatIsNeededAndWhatHelps()
    {
        var plan = OnGpu("1b", new SftConfig(), LoraConfig.Guide, Gibibytes(4), planner => planner.Plan());

        var error = Assert.Throws<LapidaryException>(plan.RequireFit);

        Assert.Equal((1, 26), (plan.Steps.RowsPerRun, plan.Steps.RecomputedLayers));
        Assert.All(
            new[] { ByteSize.Format(plan.Predicted.TotalBytes), "4.0 GiB", "MaxLength", "ModulesToSave none" },
            words => Assert.Contains(words, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
    }

    private static T OnGpu<T>(string size, SftConfig config, LoraConfig lora, long budget, Func<MemoryPlanner, T> plan)
    {
        using var counter = CudaBackend.CreateCounter(device: null);
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset(size), counter, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var adapter = Adapter.Skeleton(model, lora);
        return plan(new MemoryPlanner(model, adapter, config, budget));
    }

    private static long Gibibytes(double value) => (long)(value * (1L << 30));

    private static CudaBackend Gpu()
    {
        if (CudaBackend.WhyUnavailable() is { } reason)
        {
            if (Environment.GetEnvironmentVariable("LAPIDARY_REQUIRE_CUDA") == "1") Assert.Fail(reason);
            Assert.Skip(reason);
        }

        return new CudaBackend();
    }

    private sealed class MemoryObserver : ITrainingObserver
    {
        public Allocator? Memory { get; set; }

        public MemoryPlan? Plan { get; private set; }

        public long AfterFirstStep { get; private set; }

        public void OnStart(TrainingPlan plan) => Plan = plan.Memory;

        public void OnStep(TrainingProgress progress)
        {
            if (progress.Step == 1) AfterFirstStep = Memory!.PeakBytes;
        }
    }
}
