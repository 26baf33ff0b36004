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
    public async Task OfProcesses(string launcher, int ranks)
    {
        using var run = MpiRun.Start(launcher, ranks, Environment.ProcessPath!, [MpiRank.Argument, nameof(MpiRank.Exchange)]);
        var end = await run.End(Limit, TestContext.Current.CancellationToken);
        Assert.True(end.ExitCode == 0, $"{end}");
    }
}
