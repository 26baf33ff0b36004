using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Tests.Ranks;

namespace Lapidary.Training.Tests;

public sealed class EvaluationMetricTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Path.Combine(_root, "run"),
        MaxSteps = 6,
        EvalStrategy = IntervalStrategy.Steps,
        SaveStrategy = IntervalStrategy.Steps,
        EvalSteps = 2,
        SaveSteps = 2,
        EvalMetric = "even",
        LoadBestModelAtEnd = true,
    };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(true, "checkpoint-4", 0.9)]
    [InlineData(false, "checkpoint-2", 0.2)]
    public void TheBestCheckpoint_IsChosenByTheMetric(bool greater, string best, double value)
    {
        // What is measured before the first step is never the best.
        var state = Train(Config, new TextMetric(greater ? 1 : 0, 0.2, 0.9, 0.8) { GreaterIsBetter = greater });
        Assert.Equal((best, value), (state.BestModelCheckpoint, state.BestMetric));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Config.OutputDir, best, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(Config.OutputDir, "adapter_model.safetensors")));

        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Config.OutputDir, TrainerState.FileName)))!;
        var logged = json["log_history"]!.AsArray().Where(entry => entry!["eval_even"] is not null).ToArray();
        Assert.Equal([0, 2, 4, 6], logged.Select(entry => entry!["step"]!.GetValue<int>()));
        Assert.All(logged, entry => Assert.NotNull(entry!["eval_loss"]));
        Assert.Equal(value, json["best_metric"]!.GetValue<double>());
        var read = TrainerState.Read(Config.OutputDir);
        Assert.Equal(state.LogHistory, read.LogHistory);
        Assert.Equal(("even", 0.8), (read.LogHistory[^1].EvalMetric, read.LogHistory[^1].EvalMetricValue));

        var results = JsonNode.Parse(File.ReadAllText(Path.Combine(Config.OutputDir, "manifest.json")))!["results"]!;
        Assert.Equal(value, results["best_eval_even"]!.GetValue<double>());
        Assert.Equal(
            (greater ? 1 : 0, value), (results["eval_even_before"]!.GetValue<double>(), results["eval_even"]!.GetValue<double>()));
        int step = greater ? 4 : 2;
        double loss = state.LogHistory.Single(entry => entry.Step == step && entry.EvalLoss is not null).EvalLoss!.Value;
        Assert.Equal((step, loss), (results["loaded_step"]!.GetValue<int>(), results["eval_loss"]!.GetValue<double>()));
        string card = File.ReadAllText(Path.Combine(Config.OutputDir, "README.md"));
        Assert.Equal(["answer 0", "answer 1", "answer 2", "answer 3"], Lapidary.Training.Logging.SampleFile.Read(Config.OutputDir)
            .Select(evaluation => Assert.Single(evaluation.Samples).Answer));
        Assert.Contains("even before training", card, StringComparison.Ordinal);
        Assert.Contains($"| weights of | step {step}, the best evaluation |", card, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.95, true)]
    [InlineData(0.9, false)]
    [InlineData(0.1, false)]
    public void ARunThatIsWorseThanItsModel_SaysSo(double before, bool says)
    {
        var messages = new Messages();
        using var run = Run(Config, new TextMetric(before, 0.2, 0.9, 0.8), messages);
        run.Trainer.Train(cancellationToken: Token);
        string[] said = [.. messages.All.Where(message => message.Contains("before training was better", StringComparison.Ordinal))];
        Assert.Equal(says ? 1 : 0, said.Length);
        Assert.All(said, message => Assert.Contains("even 0.9500", message, StringComparison.Ordinal));
    }

    [Fact]
    public void TheMetric_ChangesNoBitOfTheTraining_AndIsTheSameEachTime()
    {
        var without = Train(Config with { OutputDir = Path.Combine(_root, "loss"), EvalMetric = "loss" }, metric: null);
        var with = Train(Config with { OutputDir = Path.Combine(_root, "even") }, new TextMetric());
        var again = Train(Config with { OutputDir = Path.Combine(_root, "again") }, new TextMetric());
        foreach (int step in new[] { 2, 4, 6 })
            Assert.Equal(Weights("loss", step), Weights("even", step));
        Assert.Equal(Losses(without), Losses(with));
        double?[] values = Values(with);
        Assert.Equal(4, values.Length);
        Assert.Equal(values, Values(again));
    }

    [Theory]
    [InlineData(GradientCheckpointing.False)]
    [InlineData(GradientCheckpointing.True)]
    public void ItsMemory_IsPlanned(GradientCheckpointing checkpointing)
    {
        var backend = new CpuBackend(threads: 2);
        var watch = new Watch(backend.Memory);
        var config = Config with { GradientCheckpointing = checkpointing };
        using var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, eval: TrainerRun.RandomRows(4), observer: watch, backend: backend,
            metric: new TextMetric());
        run.Trainer.Train(cancellationToken: Token);
        var predicted = run.Trainer.MemoryPlan!.Predicted;
        Assert.True(predicted[MemoryOwner.KvCache] > 0, "no memory is planned for the texts");

        // How many texts a step has depends on how soon they come; the plan is for all at once.
        foreach (long actual in new[] { watch.AfterFirstStep, backend.Memory.PeakBytes })
            Assert.InRange(actual, predicted.TotalBytes * 0.96, predicted.TotalBytes * 1.005);
    }

    [Fact]
    public void ARunThatIsStoppedWhileItMeasures_DoesSoAgainWhereItGoesOn()
    {
        var whole = Train(Config with { OutputDir = Path.Combine(_root, "whole") }, new TextMetric());
        using var stop = new CancellationTokenSource();
        var stopping = new TextMetric
        {
            OnMeasure = call =>
            {
                if (call == 2) stop.Cancel();
            },
        };
        using (var run = Run(Config, stopping))
        {
            var stopped = run.Trainer.Train(cancellationToken: stop.Token);
            Assert.False(run.Trainer.IsComplete);
            Assert.Equal((4, 2), (stopped.GlobalStep, Values(stopped).Length));
        }

        var ended = Train(Config, new TextMetric(), SftTrainer.LatestCheckpoint);
        Assert.Equal(Values(whole), Values(ended));
        Assert.Equal((whole.BestMetric, whole.BestModelCheckpoint), (ended.BestMetric, ended.BestModelCheckpoint));
        Assert.Equal(Weights("whole", 6), Weights("run", 6));
    }

    /// <summary>A loss and a share cannot be compared.</summary>
    [Fact]
    public void AnotherMeasure_ForgetsTheBestOfTheLastOne()
    {
        Train(Config with { EvalMetric = "loss", MaxSteps = 2 }, metric: null);
        var messages = new Messages();
        using var run = Run(Config with { MaxSteps = 4 }, new TextMetric(0.5), messages);
        var state = run.Trainer.Train(SftTrainer.LatestCheckpoint, Token);
        Assert.Equal((0.5, "checkpoint-4"), (state.BestMetric, state.BestModelCheckpoint));
        Assert.Contains(messages.All, message => message.Contains("eval_metric even (before: none)", StringComparison.Ordinal));
        Assert.Contains("Best checkpoint: checkpoint-4, even 0.5000.", messages.All);
    }

    [Fact]
    public void Ranks_ShareTheTexts_AndGetTheSameValue()
    {
        var config = Config with { GlobalBatchSize = 4, MaxSteps = 4 };
        var rows = TrainerRun.RandomRows(12);
        var two = new RankRuns(config, rows) { Eval = TrainerRun.RandomRows(4), Metric = new TextMetric() }.Run(2);
        Assert.Equal(3, Values(two[0].State).Length);
        Assert.Equal(Values(two[0].State), Values(two[1].State));
        Assert.Equal(two[0].Values, two[1].Values);
        Assert.Equal(two[0].State.BestMetric, two[1].State.BestMetric);

        // Weights that are the same to the bit, before the first step, give the same value on one rank.
        var one = new RankRuns(config with { OutputDir = Path.Combine(_root, "one") }, rows)
        {
            Eval = TrainerRun.RandomRows(4),
            Metric = new TextMetric(),
        }.Run(1);
        Assert.Equal(Values(one[0].State)[0], Values(two[0].State)[0]);
    }

    [Fact]
    public void AMetricThatIsNotThere_OrHasNoRows_IsRefused()
    {
        var missing = Assert.Throws<LapidaryException>(() => Train(Config, metric: null));
        Assert.Contains("EvalMetric", missing.Message, StringComparison.Ordinal);
        Assert.Contains("even", missing.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Config.OutputDir, "checkpoint-2")));
        var config = Config with { EvalMetric = "loss", LoadBestModelAtEnd = false };
        using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, metric: new TextMetric());
        var rowless = Assert.Throws<LapidaryException>(() => run.Trainer.Train(cancellationToken: Token));
        Assert.Contains("needs an evaluation set", rowless.Message, StringComparison.Ordinal);
        Assert.Throws<LapidaryException>(() => Config.Validate(hasEvaluation: false));
        Assert.Throws<LapidaryException>(
            () => (Config with { EvalStrategy = IntervalStrategy.No, LoadBestModelAtEnd = false }).Validate(hasEvaluation: true));
    }

    [Fact]
    public void EvalOnStart_MeasuresTheLossBeforeTheFirstStep()
    {
        var config = Config with { EvalMetric = "loss", EvalOnStart = true };
        var evaluated = Train(config, metric: null).LogHistory.Where(entry => entry.EvalLoss is not null);
        Assert.Equal([0, 2, 4, 6], evaluated.Select(entry => entry.Step));
        var none = Train(Config with { OutputDir = Path.Combine(_root, "none"), EvalOnStart = false }, new TextMetric());
        Assert.Equal(3, Values(none).Length);
    }

    private static TrainerRun Run(SftConfig config, IEvaluationMetric? metric, ITrainingObserver? observer = null) => new(
        TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, dropout: 0.1, eval: TrainerRun.RandomRows(4), observer: observer,
        metric: metric);

    private static TrainerState Train(SftConfig config, IEvaluationMetric? metric, string? resume = null)
    {
        using var run = Run(config, metric);
        return run.Trainer.Train(resume, Token);
    }

    private static double?[] Values(TrainerState state) =>
        [.. state.LogHistory.Where(entry => entry.EvalMetric is not null).Select(entry => entry.EvalMetricValue)];

    private static double?[] Losses(TrainerState state) =>
        [.. state.LogHistory.Where(entry => entry.Loss is not null).Select(entry => entry.Loss)];

    private byte[] Weights(string run, int step) =>
        File.ReadAllBytes(Path.Combine(_root, run, $"checkpoint-{step}", "adapter_model.safetensors"));

    private sealed class Watch(Allocator memory) : ITrainingObserver
    {
        public long AfterFirstStep { get; private set; }

        public void OnStep(TrainingProgress progress)
        {
            if (progress.Step == 1) AfterFirstStep = memory.PeakBytes;
        }
    }

    private sealed class Messages : ITrainingObserver
    {
        public List<string> All { get; } = [];

        public void OnMessage(string message) => All.Add(message);
    }
}
