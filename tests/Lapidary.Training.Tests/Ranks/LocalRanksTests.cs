using System.Globalization;
using Lapidary.Engine;
using Lapidary.Engine.Distributed;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>Programs of users who train on several ranks, and what they may do wrong.</summary>
public sealed class LocalRanksTests : IDisposable
{
    private const string Folder = "LAPIDARY_TEST_FOLDER", Failing = "LAPIDARY_TEST_FAILING_RANK";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private readonly string _root = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Threads_TrainTogether()
    {
        double[] losses = LocalRanks.RunEach(Threads(2), rank => Train(rank, _root));
        Assert.Equal(2, losses.Length);
        Assert.True(File.Exists(Path.Combine(_root, "out", "adapter_model.safetensors")));
    }

    [Fact]
    public void ErrorOfOneThread_IsThrown_AndEndsTheOthers()
    {
        Exception? others = null;
        var error = Assert.Throws<InvalidOperationException>(() => LocalRanks.RunEach<int>(Threads(3), rank =>
        {
            using var backend = rank.CreateBackend();
            using var communicator = Communicator.Create(rank.Group, backend);
            if (rank.Group.Rank == 1) throw new InvalidOperationException("The user's code\nis wrong.");
            var ended = Assert.Throws<LapidaryException>(() => rank.Group.Gather([]));
            Interlocked.CompareExchange(ref others, ended, null);
            throw ended;
        }));
        Assert.Equal("The user's code\nis wrong.", error.Message);
        Assert.Equal("rank 1: InvalidOperationException: The user's code is wrong.", others!.Message);
    }

    [Fact]
    public void ThreadThatLeaves_EndsThoseThatStillNeedIt()
    {
        var error = Assert.Throws<LapidaryException>(() => LocalRanks.RunEach(Threads(2), rank =>
        {
            using var group = rank.Group;
            if (group.Rank == 0) _ = group.Gather([]);
            return 0;
        }));
        Assert.Equal("rank 1 has ended, but others still need it.", error.Message);
    }

    [Fact]
    public void ThreadThatNothingWakes_IsLeftToTheEndOfTheProcess()
    {
        using var never = new ManualResetEventSlim();
        string? line = null;
        Assert.Throws<FormatException>(() => LocalRanks.RunEach(
            Threads(2),
            rank =>
            {
                if (rank.Group.Rank == 1) throw new FormatException("no.");
                never.Wait(Limit, TestContext.Current.CancellationToken);
                return 0;
            },
            stuck: (rank, e) => line = $"{rank.Group.Rank} {rank.Device} {e.Message}"));
        Assert.Equal("1 cpu no.", line);
        never.Set();
    }

    [Fact]
    public void OneProcess_IsOneRank()
    {
        int ranks = 0;
        LocalRanks.Run(
            rank => ranks += rank.Group.WorldSize, new RankGroupOptions { Place = LaunchPlace.Alone }, gpus: [],
            TestContext.Current.CancellationToken);
        Assert.Equal(1, ranks);
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task Processes_TrainTogether(string launcher)
    {
        using var run = Start(launcher, failing: -1);
        var end = await run.End(Limit, TestContext.Current.CancellationToken);
        Assert.True(end.ExitCode == 0, $"{end}");
        Assert.Equal(["0 of 2", "1 of 2"], Directory.GetFiles(_root, "* of 2").Select(Path.GetFileName).Order());
        Assert.True(File.Exists(Path.Combine(_root, "out", "adapter_model.safetensors")));
    }

    [Fact]
    public async Task ErrorOfOneProcess_EndsTheOthers_WithALine()
    {
        using var run = Start(MpiRun.OpenMpi, failing: 1);
        var end = await run.End(Limit, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, end.ExitCode);
        Assert.Contains($"rank 1 ({Environment.MachineName}): InvalidOperationException: on purpose", end.Of(0), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "out", "checkpoint-2")));
    }

    /// <summary>What each process under mpirun does.</summary>
    [Fact(Explicit = true)]
    public void Process()
    {
        string? root = Environment.GetEnvironmentVariable(Folder);
        Assert.SkipUnless(root is not null, "runs in the processes that other tests start");
        int failing = int.Parse(Environment.GetEnvironmentVariable(Failing)!, CultureInfo.InvariantCulture);
        LocalRanks.Run(
            rank =>
            {
                double[] losses = Train(rank, root, rank.Group.Rank == failing);
                File.WriteAllText(Path.Combine(root, $"{rank.Group.Rank} of {rank.Group.WorldSize}"), $"{losses.Length}");
            },
            cancellation: TestContext.Current.CancellationToken);
    }

    private static LocalRank[] Threads(int count) =>
        [.. ThreadGroup.Create(count).Select(group => new LocalRank(group, Gpu: null, Threads: 1))];

    private static double[] Train(LocalRank rank, string root, bool fails = false)
    {
        using var backend = rank.CreateBackend();
        using var communicator = Communicator.Create(rank.Group, backend);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32 });
        using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = 4, ModulesToSave = null }, seed: 1);
        var config = TrainerRun.Small() with { OutputDir = Path.Combine(root, "out"), MaxSteps = 2 };
        var rows = new PackedDataSet(TrainerRun.RandomRows(8), PackingStrategy.None, config.MaxLength, padTokenId: 0);
        var losses = new Losses(fails);
        using var trainer = new SftTrainer(model, adapter, config, rows, observer: losses, communicator: communicator);
        try
        {
            trainer.Train(cancellationToken: TestContext.Current.CancellationToken);
        }
        catch (OperationCanceledException) when (fails)
        {
            throw new InvalidOperationException("on purpose");
        }

        return [.. losses.All];
    }

    private MpiRun Start(string launcher, int failing) => MpiRun.Start(
        launcher, ranks: 2, Environment.ProcessPath!,
        ["--no-ansi", "--explicit", "only", "--filter-method", $"*{nameof(LocalRanksTests)}.{nameof(Process)}"],
        [(Folder, _root), (Failing, $"{failing}")]);

    private sealed class Losses(bool fails) : ITrainingObserver
    {
        public List<double> All { get; } = [];

        public void OnStep(TrainingProgress progress)
        {
            All.Add(progress.Loss);
            if (fails) throw new OperationCanceledException(); // an observer's way to end a run at once
        }
    }
}
