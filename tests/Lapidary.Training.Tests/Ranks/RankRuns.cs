using System.Runtime.ExceptionServices;
using Lapidary.Engine;
using Lapidary.Engine.Distributed;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>A run on several ranks, each a thread with a model, adapter and trainer of its own.</summary>
internal sealed record RankRuns(SftConfig Config, ExampleSet Rows)
{
    public LoraConfig Lora { get; init; } = LoraConfig.Guide with { R = 4, LoraDropout = 0.1, ModulesToSave = null };

    /// <summary>Whether all weights are trained.</summary>
    public bool IsFull { get; init; }

    public ExampleSet? Eval { get; init; }

    public string? Resume { get; init; }

    public IEvaluationMetric? Metric { get; init; }

    /// <summary>Rows that go through the model at a time; null for the planner's choice.</summary>
    public int? RowsPerRun { get; init; }

    /// <summary>The first exponent of the loss's scale; null for no scale.</summary>
    public int? LossScaleExponent { get; init; }

    /// <summary>The options of a rank, where one has other ones.</summary>
    public Func<int, SftConfig, SftConfig> ConfigOf { get; init; } = (_, config) => config;

    public Func<int, ExampleSet, ExampleSet> RowsOf { get; init; } = (_, rows) => rows;

    public Func<int, string?> FolderOf { get; init; } = _ => null;

    public Func<int, RankGroup, ITrainingObserver?> ObserverOf { get; init; } = (_, _) => null;

    public Func<int, RankMemoryTests.Watch?> WatchOf { get; init; } = _ => null;

    public Func<int, CancellationToken> TokenOf { get; init; } = _ => TestContext.Current.CancellationToken;

    /// <summary>Changes the new weights of a rank.</summary>
    public Action<TrainedWeights> Change { get; init; } = _ => { };

    /// <summary>Runs in so many ranks.</summary>
    public RankResult[] Run(int worldSize)
    {
        var groups = ThreadGroup.Create(worldSize);
        var results = new RankResult?[worldSize];
        var errors = new Exception?[worldSize];
        int first = -1;
        Left = new float[worldSize][];
        var token = TestContext.Current.CancellationToken;
        Thread[] threads = [.. Enumerable.Range(0, worldSize).Select(rank => new Thread(() =>
        {
            using var end = token.Register(() => groups[rank].Fail("the test ends"));
            try
            {
                results[rank] = RunRank(groups[rank]);
            }
            catch (Exception e)
            {
                errors[rank] = e;
                Interlocked.CompareExchange(ref first, rank, -1);
                groups[rank].Fail("gone");
            }
        }))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Errors = errors;
        if (first >= 0) ExceptionDispatchInfo.Capture(errors[first]!).Throw();
        return [.. results.OfType<RankResult>()];
    }

    /// <summary>The weights that a run which failed has left on each rank.</summary>
    public float[]?[] Left { get; private set; } = [];

    /// <summary>What each rank ended with.</summary>
    public Exception?[] Errors { get; private set; } = [];

    private RankResult RunRank(ThreadGroup group)
    {
        using ICommunicator communicator = group.WorldSize == 1 ? SilentCommunicator.Solo : new ThreadCommunicator(group);
        var config = ConfigOf(group.Rank, Config);
        var backend = new CpuBackend(threads: 1);
        var watch = WatchOf(group.Rank);
        if (watch is not null) watch.Memory = backend.Memory;
        var losses = new StepLosses(watch ?? ObserverOf(group.Rank, group));
        using var model = GemmaModel.Load(
            FolderOf(group.Rank) ?? Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32, LoadOnUse = IsFull });

        // Ranks start with other values, and get rank 0's.
        using TrainedWeights weights = IsFull ? FullWeights.Create(model) : Adapter.Create(model, Lora, config.Seed + group.Rank);
        Change(weights);
        using var trainer = new SftTrainer(
            model, weights, config, Packed(RowsOf(group.Rank, Rows), config), Eval is null ? null : Packed(Eval, config), losses,
            communicator: communicator)
        {
            Metric = Metric,
            FixedSteps = RowsPerRun is { } rows ? new StepPlan(rows, 0, LogitsMemory.LeanBytes) : null,
        };
        trainer.Runner.FirstExponent = LossScaleExponent;
        try
        {
            var state = trainer.Train(Resume, TokenOf(group.Rank));
            return new RankResult(state, losses.All, ValuesOf(weights), trainer.IsComplete, trainer.MemoryPlan!);
        }
        catch
        {
            Left[group.Rank] = ValuesOf(weights);
            throw;
        }
    }

    private static float[] ValuesOf(TrainedWeights weights) =>
        [.. weights.Blocks.SelectMany(block => block.Values.AsSpan<float>().ToArray())];

    private static PackedDataSet Packed(ExampleSet rows, SftConfig config) =>
        new(rows, config.EffectivePacking, config.MaxLength, padTokenId: 0);

    private sealed class StepLosses(ITrainingObserver? inner) : ITrainingObserver
    {
        public List<double> All { get; } = [];

        public void OnStart(TrainingPlan plan) => inner?.OnStart(plan);

        public void OnStep(TrainingProgress progress)
        {
            All.Add(progress.Loss);
            inner?.OnStep(progress);
        }

        public void OnLog(LogEntry entry) => inner?.OnLog(entry);

        public void OnCheckpoint(string folder) => inner?.OnCheckpoint(folder);

        public void OnMessage(string message) => inner?.OnMessage(message);
    }
}

/// <summary>What a rank came to.</summary>
internal sealed record RankResult(TrainerState State, IReadOnlyList<double> Losses, float[] Values, bool IsComplete, MemoryPlan Plan);
