using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Tests.Checkpoints;

/// <summary>The room on the disk, before and after a run.</summary>
public sealed class RunRoomTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Path.Combine(_root, "out"),
        MaxSteps = 5,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 2,
        ReportTo = ReportTo.None,
    };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>The files themselves are the truth.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Room_IsThatOfTheFiles(bool isFull)
    {
        using var run = new TrainerRun(TestDevice.Cpu, Config, TrainerRun.RandomRows(4), adapter: null, isFull: isFull, dtype: null);
        run.Trainer.Train(cancellationToken: TestContext.Current.CancellationToken);
        var room = RunRoom.Of(run.Weights, run.Model, Config, new BatchSchedule(4, Config, worldSize: 1), done: 0);
        const int Small = 64 << 10; // headers, config.json and the state of the run
        Assert.InRange(BytesIn("out/checkpoint-5") - room.CheckpointBytes, 0, Small);
        Assert.InRange(BytesIn("out") - room.ResultBytes, 0, Small);
        Assert.Equal(3, Directory.GetDirectories(Path.Combine(_root, "out"), "checkpoint-*").Length);
        Assert.Equal(room.ResultBytes + 3 * room.CheckpointBytes, room.MostBytes);
    }

    [Theory]
    [InlineData(3, 0, 310)]
    [InlineData(3, 1, 210)]
    [InlineData(3, 2, 310)]
    [InlineData(3, 9, 310)]
    [InlineData(0, 0, 10)]
    public void MostBytes_CountsACheckpointThatIsWrittenBesideThoseThatAreKept(int saves, int limit, int expected) =>
        Assert.Equal(expected, new RunRoom(100, 10, saves, limit).MostBytes);

    [Fact]
    public void ARunThatCanSaveNothing_IsRefusedBeforeItChangesAnything()
    {
        using (var folder = RunFolder.Open(Config, resume: null, TrainingMethod.Full, _ => { }))
        {
            folder.FreeBytes = _ => 1 << 20;
            using var run = new TrainerRun(TestDevice.Cpu, Config, TrainerRun.RandomRows(4), adapter: null, isFull: true);
            var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(folder, TestContext.Current.CancellationToken));
            Assert.Matches(
                @"out: a checkpoint \(weights and moments\) takes \d.* and the result \d.*, 1\.0 MiB are free on this disk; free some "
                + "space, or choose an OutputDir on another disk", error.Message);
        }

        Assert.False(Directory.Exists(Config.OutputDir));
    }

    [Fact]
    public void ARunWhoseCheckpointsFillTheDisk_IsWarnedOf()
    {
        Assert.Null(new RunRoom(100, 10, Saves: 3, Limit: 0).Check("out", freeBytes: 310));
        Assert.Null(new RunRoom(100, 10, Saves: 20, Limit: 0).Check("out", freeBytes: 5000));
        Assert.Null(new RunRoom(100, 10, Saves: 60, Limit: 2).Check("out", freeBytes: 9000));
        Assert.Equal(
            "note: this run will keep 60 checkpoints of 100 B; SaveTotalLimit keeps the newest alone.",
            new RunRoom(100, 10, Saves: 60, Limit: 0).Check("out", freeBytes: 9000));
        Assert.Null(new RunRoom(100, 10, Saves: 3, Limit: 0).Check("out", freeBytes: null));
        string? warning = new RunRoom(100 << 20, 10 << 20, Saves: 3, Limit: 0).Check("out", freeBytes: 150 << 20);
        Assert.Equal(
            "warning: out: a checkpoint (weights and moments) takes 100.0 MiB and the result 10.0 MiB, 150.0 MiB are free on this disk, "
            + "and the run will take 310.0 MiB; free some space, choose another OutputDir, or keep fewer checkpoints (SaveTotalLimit, "
            + "SaveSteps).", warning);
    }

    private long BytesIn(string folder) =>
        Directory.GetFiles(Path.Combine(_root, folder)).Sum(file => new FileInfo(file).Length);
}
