using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>Runs that stop, and go on to the bits of one that did not.</summary>
public class SftTrainerResumeTests : TrainerTests
{
    [Fact]
    public void Train_Resumed_KeepsWhatItsBitsDependOn()
    {
        var config = TrainerRun.Small() with { GradientAccumulationSteps = 4, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        var began = new StepPlan(2, 0, LogitsMemory.LeanBytes / 2);
        using (var run = new TrainerRun(Device, config with { MaxSteps = 1 }, TrainerRun.RandomRows(8), adapter: null))
        {
            run.Trainer.FixedSteps = began;
            run.Trainer.Train(cancellationToken: Token);
        }

        using var resumed = new TrainerRun(Device, config with { MaxSteps = 2 }, TrainerRun.RandomRows(8), adapter: null);
        var state = resumed.Trainer.Train(Path.Combine(config.OutputDir, "checkpoint-1"), Token);

        Assert.Equal(2, state.GlobalStep);
        var plan = resumed.Trainer.MemoryPlan!.Steps;
        Assert.Equal((began.RowsPerRun, began.MaxLogitsBytes), (plan.RowsPerRun, plan.MaxLogitsBytes));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0.1)]
    public void Train_GoesOnToTheSameBits_AfterAStop(bool packing, double dropout)
    {
        var config = TrainerRun.Small() with
        {
            Packing = packing,
            MaxLength = packing ? 64 : 512,
            MaxSteps = 7,
            LoggingSteps = 3,
            SaveStrategy = IntervalStrategy.Steps,
            SaveSteps = 4,
            GradientAccumulationSteps = 2,
        };
        var whole = config with { OutputDir = Fixtures.TemporaryFolder() };
        using (var run = new TrainerRun(Device, whole, TrainerRun.RandomRows(24), adapter: null, dropout))
        {
            run.Trainer.Train(cancellationToken: Token);
        }

        using (var run = new TrainerRun(Device, config with { MaxSteps = 4 }, TrainerRun.RandomRows(24), adapter: null, dropout))
        {
            run.Trainer.Train(cancellationToken: Token);
        }

        using var resumed = new TrainerRun(Device, config, TrainerRun.RandomRows(24), adapter: null, dropout);
        var state = resumed.Trainer.Train(Path.Combine(config.OutputDir, "checkpoint-4"), Token);

        Assert.Equal(
            File.ReadAllBytes(Path.Combine(whole.OutputDir, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(config.OutputDir, "adapter_model.safetensors")));
        Assert.Equal(TrainerState.Read(whole.OutputDir).LogHistory[^1].Loss, state.LogHistory[^1].Loss);
    }

    [Fact]
    public void Train_GivesTheSameBits_TwiceAndCheckpointed()
    {
        byte[][] adapters = [.. new[] { false, false, true }.Select(checkpointing =>
        {
            var config = TrainerRun.Small() with
            {
                MaxSteps = 4,
                PerDeviceTrainBatchSize = 2,
                GradientAccumulationSteps = 2,
                GradientCheckpointing = checkpointing ? GradientCheckpointing.True : GradientCheckpointing.False,
            };
            using var run = new TrainerRun(
                Device, config, TrainerRun.RandomRows(16), adapter: null, dropout: 0.1, quantization: QuantizationKind.Nf4);
            run.Trainer.Train(cancellationToken: Token);
            return File.ReadAllBytes(Path.Combine(config.OutputDir, "adapter_model.safetensors"));
        })];

        Assert.True(adapters[0].AsSpan().SequenceEqual(adapters[1]), "two runs gave other bits");
        Assert.True(adapters[0].AsSpan().SequenceEqual(adapters[2]), "gradient checkpointing gave other bits");
    }

    [Fact]
    public void Train_FinishesTheStepAndSaves_WhenCancelled()
    {
        var config = TrainerRun.Small() with { MaxSteps = 50 };
        using var stop = new CancellationTokenSource();
        using var run = new TrainerRun(Device, config, TrainerRun.RandomRows(8), adapter: null, observer: new StopAfter(3, stop));

        var state = run.Trainer.Train(cancellationToken: stop.Token);

        Assert.Equal(3, state.GlobalStep);
        Assert.True(File.Exists(Path.Combine(config.OutputDir, "checkpoint-3", "optimizer.safetensors")));
        Assert.False(File.Exists(Path.Combine(config.OutputDir, "adapter_model.safetensors")));
    }

    [Fact]
    public void Train_RefusesACheckpointOfOtherData()
    {
        var config = TrainerRun.Small() with { MaxSteps = 2, SaveStrategy = IntervalStrategy.Steps, SaveSteps = 1 };
        using (var run = new TrainerRun(Device, config, TrainerRun.RandomRows(8), adapter: null))
        {
            run.Trainer.Train(cancellationToken: Token);
        }

        using var other = new TrainerRun(Device, config, TrainerRun.RandomRows(9), adapter: null);

        var error = Assert.Throws<LapidaryException>(() => other.Trainer.Train(Path.Combine(config.OutputDir, "checkpoint-1"), Token));

        Assert.Contains("other data", error.Message, StringComparison.Ordinal);
    }

    private sealed class StopAfter(int step, CancellationTokenSource stop) : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress)
        {
            if (progress.Step == step) stop.Cancel();
        }
    }
}
