using Lapidary.Tests;
using Microsoft.Extensions.Logging;

namespace Lapidary.Training.Tests;

public class TrainAsyncTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TrainAsync_GivesWhatTrainGives_AndTellsProgress()
    {
        var config = TrainerRun.Small() with { MaxSteps = 4 };
        using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(8), adapter: null);
        var steps = new Steps();
        var state = await run.Trainer.TrainAsync(progress: steps, cancellationToken: Token);

        using var other = new TrainerRun(
            TestDevice.Cpu, config with { OutputDir = Fixtures.TemporaryFolder() }, TrainerRun.RandomRows(8), adapter: null);
        var expected = other.Trainer.Train(cancellationToken: Token);
        Assert.Equal(expected.LogHistory.Select(entry => entry.Loss), state.LogHistory.Select(entry => entry.Loss));
        Assert.Equal([1, 2, 3, 4], steps.Seen);
        Assert.True(run.Trainer.IsComplete);
    }

    [Fact]
    public async Task ACancelledRun_SavesItsStep_AndGoesOnFromThere()
    {
        using var stop = new CancellationTokenSource();
        using var run = new TrainerRun(TestDevice.Cpu, TrainerRun.Small() with { MaxSteps = 5 }, TrainerRun.RandomRows(8), adapter: null);
        var steps = new Steps { StopAt = 2, Stop = stop };

        var training = run.Trainer.TrainAsync(progress: steps, cancellationToken: stop.Token);
        var error = await Assert.ThrowsAsync<OperationCanceledException>(() => training);

        Assert.True(training.IsCanceled);
        Assert.Equal(stop.Token, error.CancellationToken);
        Assert.Contains("after step 2 of 5", error.Message, StringComparison.Ordinal);
        Assert.False(run.Trainer.IsComplete);
        var state = await run.Trainer.TrainAsync(SftTrainer.LatestCheckpoint, cancellationToken: Token);
        Assert.Equal(5, state.GlobalStep);
        Assert.Equal([1, 2], steps.Seen);
    }

    [Fact]
    public async Task ASecondRun_IsRefusedWhileOneIsUnderWay()
    {
        using var run = new TrainerRun(TestDevice.Cpu, TrainerRun.Small() with { MaxSteps = 3 }, TrainerRun.RandomRows(8), adapter: null);
        InvalidOperationException? error = null;
        var steps = new Steps
        {
            OnStep = () => error = Assert.Throws<InvalidOperationException>(
                () => { _ = run.Trainer.TrainAsync(cancellationToken: Token); }),
        };

        _ = await run.Trainer.TrainAsync(progress: steps, cancellationToken: Token);

        Assert.NotNull(error);
    }

    [Fact]
    public void ALogger_IsToldOfTheRun()
    {
        var log = new LogLines();
        using (var run = new TrainerRun(
            TestDevice.Cpu, TrainerRun.Small() with { MaxSteps = 2, SaveStrategy = IntervalStrategy.Epoch }, TrainerRun.RandomRows(2), null,
            observer: new LoggingObserver(log), eval: TrainerRun.RandomRows(2)))
            _ = run.Trainer.Train(cancellationToken: Token);
        new LoggingObserver(log).OnMessage("warning: look at this");

        Assert.Contains(log.Lines, line => line.StartsWith("Information Training from step 0 to 2: 2 sequences", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.StartsWith("Information Step 1: epoch 0.50, loss ", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.StartsWith("Information Evaluation after step 2: loss ", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.StartsWith("Information Checkpoint saved: ", StringComparison.Ordinal));
        Assert.Contains("Warning look at this", log.Lines);
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Trace", StringComparison.Ordinal));
    }

    private sealed class Steps : IProgress<TrainingProgress>
    {
        public List<int> Seen { get; } = [];

        public int StopAt { get; init; }

        public CancellationTokenSource? Stop { get; init; }

        public Action? OnStep { get; init; }

        public void Report(TrainingProgress value)
        {
            Seen.Add(value.Step);
            OnStep?.Invoke();
            if (value.Step == StopAt) Stop!.Cancel();
        }
    }

    private sealed class LogLines : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel} {formatter(state, exception)}");
    }
}
