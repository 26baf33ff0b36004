using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>What a rank takes of memory.</summary>
public sealed class RankMemoryTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(2, 3, 1)]
    [InlineData(4, 1, 2)]
    public void Plan_IsWhatARankMeasures_WithItsPartOfTheMoments(int worldSize, int batchSize, int accumulation)
    {
        var config = TrainerRun.Small() with
        {
            OutputDir = Path.Combine(_root, "out"),
            PerDeviceTrainBatchSize = batchSize,
            GradientAccumulationSteps = accumulation,
            MaxSteps = 2,
        };
        var lora = LoraConfig.Guide with { R = 4, LoraDropout = 0.1, ModulesToSave = ["lm_head", "embed_tokens"] };
        var watches = Enumerable.Range(0, worldSize).Select(_ => new Watch()).ToArray();
        new RankRuns(config, TrainerRun.RandomRows(24)) { Lora = lora, WatchOf = rank => watches[rank] }.Run(worldSize);
        Assert.All(watches, watch => Assert.Equal(watch.Plan!.Predicted.TotalBytes, watch.AfterFirstStep));

        using var counter = new CpuBackend(threads: 1).CreateCounter();
        using var model = GemmaModel.Skeleton(GemmaConfig.Load(Fixtures.Path("tiny/model")), counter, new ModelOptions());
        using var adapter = Adapter.Skeleton(model, lora);
        long head = adapter.Head!.Value.LengthBytes;
        long Optimizer(int ranks) =>
            new MemoryPlanner(model, adapter, config, long.MaxValue, ranks).Plan().Predicted[MemoryOwner.Optimizer];
        Assert.Equal(watches[0].Plan!.Predicted[MemoryOwner.Optimizer], Optimizer(worldSize));
        Assert.Equal(2 * (head - head / worldSize), Optimizer(1) - Optimizer(worldSize), 4096.0);
    }

    [Fact]
    public void Plan_SaysHowTheBatchIsMadeUp()
    {
        using var counter = new CpuBackend(threads: 1).CreateCounter();
        using var model = GemmaModel.Skeleton(GemmaConfig.Load(Fixtures.Path("tiny/model")), counter, new ModelOptions());
        using var adapter = Adapter.Skeleton(model, LoraConfig.Guide);
        var config = new SftConfig { PerDeviceTrainBatchSize = 2, GlobalBatchSize = 8 };
        var plan = new MemoryPlanner(model, adapter, config, long.MaxValue, worldSize: 2).Plan();
        Assert.Equal("effective batch 8 = 2 per device × 2 accumulation × 2 ranks", plan.Batch.ToString());
        Assert.Equal((4, 4), (plan.StepRows, plan.Steps.RowsPerRun));
    }

    /// <summary>A rank whose partner does the same: no exchange allocates, so that what is left is the trainer's.</summary>
    [Fact]
    public void Step_AllocatesNoMoreThanThatOfOneRank()
    {
        var watch = new Watch();
        var config = TrainerRun.Small() with { OutputDir = Path.Combine(_root, "out"), MaxSteps = 12, LoggingSteps = 100 };
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32 });
        using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = 4, ModulesToSave = ["embed_tokens"] }, 1);
        var rows = new PackedDataSet(TrainerRun.RandomRows(40), PackingStrategy.None, 512, 0);
        using var trainer = new SftTrainer(model, adapter, config, rows, observer: watch, communicator: new Mirror());
        watch.Memory = backend.Memory;
        trainer.Train(cancellationToken: TestContext.Current.CancellationToken);

        // In some steps the runtime's cache of casts may grow.
        Assert.All(watch.BytesPerStep.Skip(3).SkipLast(1).Order().SkipLast(2), bytes => Assert.InRange(bytes, 0, 256));
    }

    /// <summary>A trainer that could not be set up can be followed by another one in the same process.</summary>
    /// <param name="divided">Tensors that are divided before an error: the first table's values, its gradient, and the second's
    /// values.</param>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void ASetupThatFails_LeavesNoMemoryAndNothingOpen(int divided)
    {
        var config = TrainerRun.Small() with { OutputDir = Path.Combine(_root, "out"), MaxSteps = 2 };
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32 });
        using var adapter = Adapter.Create(
            model, LoraConfig.Guide with { R = 4, EnsureWeightTying = false, ModulesToSave = ["lm_head", "embed_tokens"] }, 1);
        Assert.Equal(2, adapter.Blocks.Count(block => block.IsTokenTable));
        var rows = new PackedDataSet(TrainerRun.RandomRows(8), PackingStrategy.None, 512, 0);
        var mirror = new Mirror { MostDivided = divided };
        long before = backend.Memory.LiveBytes;
        using var trainer = new SftTrainer(model, adapter, config, rows, communicator: mirror);

        var error = Assert.Throws<LapidaryException>(() => trainer.Train(cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal("rank 1 is gone", error.Message);
        Assert.Equal((0, before), (mirror.Open, backend.Memory.LiveBytes));
    }

    internal sealed class Watch : ITrainingObserver
    {
        private long _last;

        public Allocator? Memory { get; set; }

        public MemoryPlan? Plan { get; private set; }

        public long AfterFirstStep { get; private set; }

        public List<long> BytesPerStep { get; } = new(100);

        public void OnStart(TrainingPlan plan) => Plan = plan.Memory;

        public void OnStep(TrainingProgress progress)
        {
            BytesPerStep.Add(GC.GetAllocatedBytesForCurrentThread() - _last);
            if (progress.Step == 1) AfterFirstStep = Memory!.PeakBytes;
            _last = GC.GetAllocatedBytesForCurrentThread();
        }
    }

    private sealed class Mirror : ICommunicator
    {
        public RankGroup Ranks { get; } = new Pair();

        public string Description => "mirror";

        /// <summary>How many tensors can be divided.</summary>
        public int MostDivided { get; init; } = int.MaxValue;

        /// <summary>How many are.</summary>
        public int Open { get; private set; }

        public void AllReduce(Tensor tensor)
        {
        }

        public void ReduceScatter(Tensor tensor)
        {
        }

        public void AllGather(Tensor tensor)
        {
        }

        public void Broadcast(Tensor tensor, int root)
        {
        }

        public IDividedTensor Divide(Tensor tensor)
        {
            if (Open == MostDivided) throw new LapidaryException("rank 1 is gone");
            Open++;
            return new Divided(() => Open--);
        }

        public void Dispose()
        {
        }
    }

    private sealed class Divided(Action end) : IDividedTensor
    {
        public void ReduceScatter()
        {
        }

        public void BeginGather()
        {
        }

        public void FetchRows(Tensor ids, int columns)
        {
        }

        public void EndGather()
        {
        }

        public void Dispose() => end();
    }

    private sealed class Pair : RankGroup
    {
        public override int Rank => 0;

        public override int WorldSize => 2;

        public override CancellationToken StopRequested => CancellationToken.None;

        public override string NameOf(int rank) => $"rank {rank}";

        public override string HostOf(int rank) => "here";

        public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine) => [mine.ToArray(), mine.ToArray()];

        public override void RequestStop()
        {
        }

        public override IDisposable Busy(string what) => Solo.Busy(what);

        public override IDisposable Waiting(string what) => Solo.Waiting(what);

        public override bool Fail(string message) => true;

        public override void Dispose()
        {
        }
    }
}
