using System.Diagnostics;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>Where a rank is lost, the others say which and end, and the run can be gone on with.</summary>
[Collection(nameof(RankedRuns))]
public sealed class LostRankTests : IDisposable
{
    /// <summary>Within which all others end: 30 seconds, and as much again for a machine that is busy.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    /// <summary>Open MPI then lets the other ranks be.</summary>
    private const string LeaveOthers = "--enable-recovery";

    private static readonly string Lost = $"rank 1 ({Environment.MachineName})";

    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(RankedTool.OpenMpi)]
    [InlineData(RankedTool.OpenMpi, LeaveOthers)]
    [InlineData(RankedTool.Mpich)]
    public async Task AKilledRank_IsNamed_AllEnd_AndTheRunGoesOnWithTheSameBits(string launcher, params string[] options)
    {
        const int Ranks = 3;
        string[] saving = ["--save-strategy", "steps", "--save-steps", "1", "--save-total-limit", "3"];
        var watch = new Stopwatch();
        MpiEnd end;
        using (var run = RankedTool.Start(launcher, Ranks, _tool.TrainLong("out", more: saving), options))
        {
            await run.Until(() => _tool.Checkpoints("out").Length > 0, RankedTool.Limit, Cancel);
            int victim = run.ProcessOf(1)!.Value;
            watch.Start();
            MpiRun.Send("KILL", victim);
            end = await run.End(RankedTool.Limit, Cancel);
            Assert.All(Enumerable.Range(0, Ranks), rank => Assert.Null(run.ProcessOf(rank)));
        }

        Assert.True(watch.Elapsed < Soon, $"{watch.Elapsed}\n{end}");
        if (!options.Contains(LeaveOthers)) Assert.NotEqual(0, end.ExitCode); // which is then 0 whatever happens

        // A launcher may end the others before they have said anything: then it names the rank itself.
        if (options.Contains(LeaveOthers))
        {
            Assert.All((int[])[0, 2], rank => Assert.StartsWith(
                $"lapidary: [rank {rank} ({Environment.MachineName})] {Lost} is gone: ", RankedTool.ErrorOf(end, rank),
                StringComparison.Ordinal));
        }

        Assert.All(RankedTool.Errors(end), line => Assert.Contains($"] {Lost} is gone: ", line, StringComparison.Ordinal));
        Assert.True(RankedTool.Errors(end).Distinct().Count() == RankedTool.Errors(end).Length, $"{end}");
        _tool.AssertNothingHalfWritten("out", wasKilled: launcher == RankedTool.Mpich);
        if (launcher == RankedTool.OpenMpi && options.Length == 0) return; // one of the two is enough

        int steps = _tool.Checkpoints("out")[^1] + 2;
        await RankedTool.Ok(launcher, Ranks, _tool.Resume("out", "--max-steps", $"{steps}"));
        await RankedTool.Ok(launcher, Ranks, _tool.TrainLong("whole", steps, saving));
        _tool.AssertSameBits(_tool.Bits("whole", steps), "out", steps);
        _tool.AssertNothingHalfWritten("out");
    }

    [Fact]
    public async Task ARankThatHangs_IsNamed_AndAllEnd()
    {
        MpiRun.Require(MpiRun.OpenMpi);
        string[] saving = ["--save-strategy", "steps", "--save-steps", "50", "--save-total-limit", "2"];
        using var run = RankedTool.Start(MpiRun.OpenMpi, 3, _tool.TrainLong("out", more: saving), LeaveOthers);
        await run.Until(() => _tool.Checkpoints("out").Length > 0, RankedTool.Limit, Cancel);
        int hanging = run.ProcessOf(1)!.Value;
        MpiRun.Send("STOP", hanging);
        var watch = Stopwatch.StartNew();
        await run.Until(() => run.ProcessOf(0) is null && run.ProcessOf(2) is null, RankedTool.Limit, Cancel);
        Assert.True(watch.Elapsed < Soon, $"{watch.Elapsed}");
        MpiRun.Send("KILL", hanging);
        var end = await run.End(RankedTool.Limit, Cancel);
        Assert.All((int[])[0, 2], rank => Assert.Contains(
            $"] {Lost} has given no sign of life for 20 s.", RankedTool.ErrorOf(end, rank), StringComparison.Ordinal));
        _tool.AssertNothingHalfWritten("out");
    }

    /// <summary>It does not come as far as to the others.</summary>
    [Theory]
    [InlineData(RankedTool.OpenMpi)]
    [InlineData(RankedTool.OpenMpi, LeaveOthers)]
    [InlineData(RankedTool.Mpich)]
    public async Task ARankWithoutItsModel_IsNamed_AndAllEnd(string launcher, params string[] options)
    {
        string missing = _tool["missing"];
        string[] args = RankedTool.Without("--model", _tool.TrainLong("out"));
        using var run = RankedTool.StartWithAnother(launcher, 3, args, "--model", TinyModel.Folder, missing, options);
        var end = await run.End(Soon + RankedTool.Limit / 2, Cancel);
        if (options.Length == 0) Assert.NotEqual(0, end.ExitCode);
        if (options.Contains(LeaveOthers))
        {
            Assert.StartsWith($"lapidary: [{Lost}] {missing}", RankedTool.ErrorOf(end, 1), StringComparison.Ordinal);
            Assert.All((int[])[0, 2], rank => Assert.Contains(
                $"] {Lost}: {missing}", RankedTool.ErrorOf(end, rank), StringComparison.Ordinal));
        }

        // Otherwise it is enough that one comes to say it before the launcher ends it.
        Assert.Contains(RankedTool.Errors(end), line =>
            line.Contains(Lost, StringComparison.Ordinal) && line.Contains(missing, StringComparison.Ordinal));
        Assert.False(Directory.Exists(_tool["out"]));
    }
}
