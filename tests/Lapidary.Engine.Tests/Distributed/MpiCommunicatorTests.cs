using Lapidary.Engine.Distributed.Mpi;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>Runs this program under mpirun, where it does the work of a <see cref="MpiRank"/>.</summary>
public sealed class MpiCommunicatorTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData(MpiRun.OpenMpi, 2)]
    [InlineData(MpiRun.OpenMpi, 3)]
    [InlineData(MpiRun.OpenMpi, 4)]
    [InlineData(MpiRun.Mpich, 2)]
    [InlineData(MpiRun.Mpich, 3)]
    [InlineData(MpiRun.Mpich, 4)]
    public Task Exchange_DoesWhatEveryCommunicatorMust(string launcher, int ranks) => Succeeds(launcher, ranks, nameof(MpiRank.Exchange));

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public Task Exchange_AllocatesNothing(string launcher) => Succeeds(launcher, 2, nameof(MpiRank.AllocateNothing));

    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public Task Library_LeavesSignalsToDotNet(string launcher) => Succeeds(launcher, 2, nameof(MpiRank.KeepSignals));

    /// <summary>The wrong library starts as many jobs of one rank as there are ranks.</summary>
    [Theory]
    [InlineData(MpiRun.OpenMpi, MpiFlavor.Mpich, "MPICH")]
    [InlineData(MpiRun.Mpich, MpiFlavor.OpenMpi, "Open MPI")]
    public async Task LibraryOfAnotherLauncher_IsOneLine(string launcher, object flavor, string library)
    {
        MpiRun.Require(MpiRun.OpenMpi);
        MpiRun.Require(MpiRun.Mpich);
        var end = await Run(launcher, 2, nameof(MpiRank.Exchange), $"{flavor}");
        Assert.NotEqual(0, end.ExitCode);
        string line = end.Of(0).Length > 0 ? end.Of(0) : end.Of(1); // the launcher may end one before it has written
        Assert.StartsWith($"The launcher started 2 ranks, but {library}", line, StringComparison.Ordinal);
        Assert.Contains("sees 1:", line, StringComparison.Ordinal);
    }

    /// <summary>What an end without MPI's own end is for: a launcher then ends the ranks that wait.</summary>
    [Theory]
    [InlineData(MpiRun.OpenMpi)]
    [InlineData(MpiRun.Mpich)]
    public async Task KilledRank_EndsTheOthers(string launcher)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var run = MpiRun.Start(launcher, 3, Environment.ProcessPath!, [MpiRank.Argument, nameof(MpiRank.Stay)]);
        bool AllAreThere() => run.LinesSoFar.Count(line => line.Text.Contains(MpiRank.Ready, StringComparison.Ordinal)) == 3;
        await run.Until(AllAreThere, Limit, cancel);
        MpiRun.Send("KILL", run.ProcessOf(1)!.Value);
        var end = await run.End(Limit, cancel);
        Assert.NotEqual(0, end.ExitCode);
        Assert.All(Enumerable.Range(0, 3), rank => Assert.Null(run.ProcessOf(rank)));
    }

    private static async Task Succeeds(string launcher, int ranks, string work)
    {
        var end = await Run(launcher, ranks, work);
        Assert.True(end.ExitCode == 0, $"{end}");
    }

    private static async Task<MpiEnd> Run(string launcher, int ranks, params string[] work)
    {
        using var run = MpiRun.Start(launcher, ranks, Environment.ProcessPath!, [MpiRank.Argument, .. work]);
        return await run.End(Limit, TestContext.Current.CancellationToken);
    }
}
