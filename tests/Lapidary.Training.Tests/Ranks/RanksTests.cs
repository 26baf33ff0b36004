using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>Several ranks train as one.</summary>
public sealed class RanksTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<int, int, int, bool, string?> Layouts => new()
    {
        // Ranks, batch size, accumulation, packing, whole modules.
        { 2, 2, 2, false, null },
        { 4, 1, 2, false, "lm_head,embed_tokens" },
        { 8, 1, 1, false, null },
        { 1, 1, 8, false, "embed_tokens" },
        { 2, 4, 1, true, "lm_head,embed_tokens" },
        { 3, 1, 8, true, "embed_tokens" },
    };

    /// <summary>3 ranks of 8 rows make another global batch, 24 rows, and the last step has too few for all.</summary>
    [Theory]
    [MemberData(nameof(Layouts))]
    public void Losses_AreThoseOfOneRank(int ranks, int batchSize, int accumulation, bool packing, string? whole)
    {
        var config = Config("out") with { Packing = packing, MaxLength = 96, NumTrainEpochs = 2 };
        var lora = Lora(whole);
        var rows = UnevenRows(27);
        var runs = new RankRuns(config with { PerDeviceTrainBatchSize = batchSize, GradientAccumulationSteps = accumulation }, rows)
        {
            Lora = lora,
        };
        var together = runs.Run(ranks);
        var one = config with { PerDeviceTrainBatchSize = ranks * batchSize * accumulation, OutputDir = Folder("one") };
        var alone = (runs with { Config = one }).Run(1)[0];

        Assert.All(together, rank => Assert.Equal(together[0].Losses, rank.Losses));
        Assert.All(together, rank => Assert.Equal(together[0].Values, rank.Values));
        AssertClose(alone.Losses, together[0].Losses);
        Assert.Equal(alone.State.NumTokens, together[0].State.NumTokens);
        Assert.Equal(ranks, together[0].Plan.Batch.Ranks);
        for (int i = 0; i < alone.Values.Length; i++) Assert.Equal(alone.Values[i], together[0].Values[i], 2e-3f);
    }

    [Fact]
    public void Dropout_DropsTheSame_HoweverManyRowsRunAtATime()
    {
        double[][] losses = [.. new[] { 1, 2, 4 }.Select(rows =>
            new RankRuns(Config($"out{rows}") with { GradientAccumulationSteps = 4 }, UnevenRows(12))
            {
                RowsPerRun = rows,
                Lora = Lora(null) with { LoraDropout = 0.5 },
            }.Run(1)[0].Losses.ToArray())];
        AssertClose(losses[0], losses[1]);
        AssertClose(losses[0], losses[2]);
        var none = new RankRuns(Config("none") with { GradientAccumulationSteps = 4 }, UnevenRows(12))
        {
            Lora = Lora(null) with { LoraDropout = 0 },
        }.Run(1)[0].Losses;
        Assert.True(Math.Abs(none[^1] - losses[0][^1]) > 1e-4, "Dropout drops something.");
    }

    [Fact]
    public void TwoRuns_HaveTheSameBits()
    {
        RankResult Run(string name) => new RankRuns(Config(name) with { GradientAccumulationSteps = 2 }, UnevenRows(11))
        {
            Lora = Lora("lm_head,embed_tokens"),
        }.Run(3)[0];
        var (one, other) = (Run("one"), Run("other"));
        Assert.Equal(one.Losses, other.Losses);
        Assert.Equal(one.Values, other.Values);
        foreach (string file in new[] { "adapter_model.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(Folder("one"), file)), File.ReadAllBytes(Path.Combine(Folder("other"), file)));
    }

    [Theory]
    [InlineData(2, 4)]
    [InlineData(4, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    public void Resume_OnAnotherNumberOfRanks_GoesOnWithTheSameLosses(int before, int after)
    {
        var config = Config("whole") with { GlobalBatchSize = 12, MaxSteps = 4, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        var runs = new RankRuns(config, UnevenRows(30)) { Lora = Lora("lm_head,embed_tokens") };
        var whole = runs.Run(before)[0];
        var part = runs with { Config = config with { MaxSteps = 2, OutputDir = Folder("part") } };
        part.Run(before);
        var told = new List<string>();
        var resumed = (runs with
        {
            Config = config with { OutputDir = Folder("part") },
            Resume = SftTrainer.LatestCheckpoint,
            ObserverOf = (rank, _) => rank == 0 ? new Told(told) : null,
        }).Run(after);

        if (before == after)
        {
            Assert.Equal(whole.Losses.Skip(2), resumed[0].Losses);
            Assert.Equal(whole.Values, resumed[0].Values);
            Assert.Equal(Moments("whole"), Moments("part"));
        }
        else
        {
            AssertClose([.. whole.Losses.Skip(2)], resumed[0].Losses);
            Assert.Contains(told, text => text.Contains($"world_size {after} (before: {before})", StringComparison.Ordinal));
            Assert.Contains(told, text => text.Contains($"for {after} ranks instead of {before}", StringComparison.Ordinal));
        }

        Assert.All(resumed, rank => Assert.Equal(resumed[0].Values, rank.Values));
        Assert.All(resumed, rank => Assert.Equal(4, rank.State.GlobalStep));
    }

    [Fact]
    public void Checkpoint_HasTheMomentsOfOneRank()
    {
        var config = Config("one") with
        {
            GlobalBatchSize = 6,
            MaxSteps = 2,
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 2,
        };
        var runs = new RankRuns(config, UnevenRows(30)) { Lora = Lora("lm_head,embed_tokens") };
        runs.Run(1);
        (runs with { Config = config with { OutputDir = Folder("three") } }).Run(3);
        using var one = SafetensorsFile.Open(Path.Combine(Folder("one"), "checkpoint-2", "optimizer.safetensors"));
        using var three = SafetensorsFile.Open(Path.Combine(Folder("three"), "checkpoint-2", "optimizer.safetensors"));
        Assert.Equal(one.Entries.Select(entry => entry.Name), three.Entries.Select(entry => entry.Name));
        foreach (string name in one.Entries.Select(entry => entry.Name))
        {
            float[] expected = Values(one, name), found = Values(three, name);
            double scale = expected.Max(Math.Abs);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], (float)(2e-2 * scale) + 1e-12f);
        }
    }

    [Fact]
    public void StopOfOneRank_EndsAllAfterTheSameStep_WithOneCheckpoint()
    {
        var config = Config("whole") with { MaxSteps = 5, PerDeviceTrainBatchSize = 2 };
        var runs = new RankRuns(config, UnevenRows(30)) { Lora = Lora("embed_tokens") };
        var whole = runs.Run(2)[0];
        using var stop = new CancellationTokenSource();
        var part = (runs with
        {
            Config = config with { OutputDir = Folder("part") },
            TokenOf = rank => rank == 1 ? stop.Token : CancellationToken.None,
            ObserverOf = (rank, _) => rank == 1 ? new AtStep(2, stop.Cancel) : null,
        }).Run(2);
        int step = part[0].State.GlobalStep;
        Assert.InRange(step, 2, 4); // the others may be a step ahead
        Assert.All(part, rank => Assert.Equal((step, false), (rank.State.GlobalStep, rank.IsComplete)));
        Assert.Equal(
            [$"checkpoint-{step}"], Directory.GetDirectories(Folder("part"), "checkpoint-*").Select(Path.GetFileName));

        var resumed = (runs with { Config = config with { OutputDir = Folder("part") }, Resume = SftTrainer.LatestCheckpoint }).Run(2);
        Assert.All(resumed, rank => Assert.True(rank.IsComplete));
        Assert.Equal(whole.Losses.Skip(step), resumed[1].Losses);
        Assert.Equal(whole.Values, resumed[1].Values);
    }

    [Theory]
    [InlineData("eval")]
    [InlineData("best")]
    public void Evaluation_HasTheBitsOfOneRank(string kind)
    {
        var config = Config("two") with
        {
            GlobalBatchSize = 4,
            MaxSteps = 4,
            EvalStrategy = IntervalStrategy.Steps,
            SaveStrategy = kind == "best" ? IntervalStrategy.Steps : IntervalStrategy.No,
            EvalSteps = 2,
            SaveSteps = 2,
            LoadBestModelAtEnd = kind == "best",
            PerDeviceEvalBatchSize = 2,
        };
        var rows = UnevenRows(20);
        var ranks = new RankRuns(config, rows) { Eval = UnevenRows(9) }.Run(2);
        var evaluation = ranks[1].State.LogHistory.Last(entry => entry.EvalLoss is not null);
        Assert.Equal(ranks[0].State.LogHistory.Select(entry => entry.EvalLoss), ranks[1].State.LogHistory.Select(entry => entry.EvalLoss));
        Assert.Equal(ranks[0].Values, ranks[1].Values);

        // One rank over the same weights.
        var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32 });
        using var adapter = Adapter.Load(model, Folder("two"));
        model.Attach(adapter);
        using var evaluator = new Evaluator(model, new PackedDataSet(UnevenRows(9), PackingStrategy.None, 512, 0), 2);
        var alone = evaluator.Run(TestContext.Current.CancellationToken);
        if (kind == "eval") Assert.Equal((evaluation.EvalLoss, evaluation.EvalMeanTokenAccuracy), (alone.Loss, alone.Accuracy));
        else Assert.Equal(ranks[0].State.BestMetric, alone.Loss);
    }

    [Fact]
    public void ScoreRows_AreThoseOfOneRank_InOrder()
    {
        var rows = UnevenRows(75);
        RowScore[] Score(RankGroup? ranks)
        {
            using var model = GemmaModel.Load(
                Fixtures.Path("tiny/model"), new CpuBackend(threads: 1), new ModelOptions { DType = DType.Float32 });
            using var evaluator = new Evaluator(model, new PackedDataSet(rows, PackingStrategy.None, 512, 0), 1, ranks);
            return [.. evaluator.ScoreRows()];
        }

        var alone = Score(null);
        var all = Lapidary.Engine.Distributed.ThreadGroup.Create(2).AsParallel().WithDegreeOfParallelism(2)
            .WithExecutionMode(ParallelExecutionMode.ForceParallelism).Select(Score).ToArray();
        Assert.All(all, scores => Assert.Equal(alone, scores));
    }

    private static string[] Split(string names) => names.Split(',');

    private static LoraConfig Lora(string? whole) => LoraConfig.Guide with
    {
        R = 4,
        LoraDropout = 0.1,
        ModulesToSave = whole is null ? null : Split(whole),
    };

    private static float[] Values(SafetensorsFile file, string name) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(file.Bytes(name)).ToArray();

    private static void AssertClose(IReadOnlyList<double> expected, IReadOnlyList<double> found)
    {
        Assert.Equal(expected.Count, found.Count);
        for (int i = 0; i < expected.Count; i++) Assert.Equal(expected[i], found[i], 1e-4 * expected[i]);
    }

    /// <summary>Rows of 5 to 60 tokens.</summary>
    private static ExampleSet UnevenRows(int count)
    {
        var random = new Random(7);
        return TrainerRun.Set(Enumerable.Range(0, count).Select(_ =>
            Enumerable.Range(0, random.Next(5, 60)).Select(_ => random.Next(3, 1024)).ToArray()).ToArray());
    }

    private string Folder(string name) => Path.Combine(_root, name);

    private byte[] Moments(string run) => File.ReadAllBytes(Path.Combine(Folder(run), "checkpoint-4", "optimizer.safetensors"));

    private SftConfig Config(string name) => TrainerRun.Small() with { OutputDir = Folder(name), ReportTo = ReportTo.None };

    private sealed class Told(List<string> messages) : ITrainingObserver
    {
        public void OnMessage(string message) => messages.Add(message);
    }

    private sealed class AtStep(int step, Action act) : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress)
        {
            if (progress.Step == step) act();
        }
    }
}
