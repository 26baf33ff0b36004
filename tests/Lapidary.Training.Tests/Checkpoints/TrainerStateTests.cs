using Lapidary.Tests;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Tests.Checkpoints;

public class TrainerStateTests
{
    [Fact]
    public void Read_GivesWhatWasWritten()
    {
        string folder = Fixtures.TemporaryFolder();
        var pending = new LossMeter();
        pending.Add(loss: 2.5, hits: 3, trainedTokens: 8);
        var entry = new LogEntry { Step = 3, Loss = 1.5 };
        new TrainerState { GlobalStep = 4, Fingerprint = "x", Pending = pending, LogHistory = [entry] }.Write(folder);

        var state = TrainerState.Read(folder);

        Assert.Equal((4, "x"), (state.GlobalStep, state.Fingerprint));
        Assert.Equal((2.5, 1, 3L, 8L), (state.Pending.LossSum, state.Pending.Steps, state.Pending.Hits, state.Pending.TrainedTokens));
        Assert.Equal(entry, Assert.Single(state.LogHistory));
        Directory.Delete(folder, recursive: true);
    }
}
