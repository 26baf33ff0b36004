using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>What launchers say by their variables.</summary>
[Collection(nameof(RankedRuns))]
public sealed class LaunchTests : IDisposable
{
    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>torchrun and what is like it starts no MPI.</summary>
    [Fact]
    public void CpusWithoutMpi_AreAnErrorOfEachProcess()
    {
        using var tools = new Tools(Enumerable.Range(0, 2).Select(rank => Tool.StartWith(
            [
                ("RANK", $"{rank}"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", $"{rank}"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "29777"),
            ],
            _tool.TrainSix("out", 2, 1))));
        foreach (var (rank, tool) in tools.All.Index())
        {
            var run = tool.End();
            Assert.Equal(1, run.ExitCode);
            Assert.StartsWith($"lapidary: [rank {rank} ({Environment.MachineName})] This is one of 2 processes by RANK and "
                + "WORLD_SIZE, but CPUs exchange by MPI: start them with mpirun", run.Error, StringComparison.Ordinal);
            Assert.Contains("LAPIDARY_LAUNCH=none", run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LaunchersAreIgnored_WhereTheUserSaysSo()
    {
        string[] args = RankedTool.Without("--output-dir", _tool.TrainSix("out", 2, 2));
        using var run = RankedTool.StartWithAnother(
            MpiRun.Mpich, 2, args, "--output-dir", _tool["a"], _tool["b"], "-genv", "LAPIDARY_LAUNCH", "none");
        var end = await run.End(RankedTool.Limit, TestContext.Current.CancellationToken);
        Assert.True(end.ExitCode == 0, $"{end}");
        Assert.Equal(_tool.Losses("a"), _tool.Losses("b"));
        _tool.AssertSameBits(_tool.Bits("a", step: 6), "b", step: 6);
    }

    /// <summary>An option that is not known to one rank only.</summary>
    [Theory]
    [InlineData(RankedTool.OpenMpi)]
    [InlineData(RankedTool.Mpich)]
    public async Task AWrongCommandLine_IsSaidOnce(string launcher)
    {
        var end = await RankedTool.Run(launcher, 2, [.. _tool.TrainSix("out", 2, 1), "--no-such-option"]);
        Assert.NotEqual(0, end.ExitCode);
        Assert.InRange(RankedTool.Errors(end).Length, 1, 2); // two where the machine is too busy for them to meet in time
        const string Words = "there is no option or command --no-such-option";
        Assert.All(RankedTool.Errors(end), line => Assert.Contains(Words, line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Preview_IsShownOnce()
    {
        var end = await RankedTool.Ok(MpiRun.OpenMpi, 2, [.. _tool.TrainSix("out", 2, 1), "--preview"]);
        Assert.False(Directory.Exists(_tool["out"]), $"{end}");
    }

    private sealed class Tools(IEnumerable<Tool> tools) : IDisposable
    {
        public Tool[] All { get; } = [.. tools];

        public void Dispose()
        {
            foreach (var tool in All) tool.Dispose();
        }
    }
}
