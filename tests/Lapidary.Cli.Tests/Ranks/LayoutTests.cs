using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>However the rows of a step are shared out, the run is the same.</summary>
[Collection(nameof(RankedRuns))]
public sealed class LayoutTests : IDisposable
{
    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>The third and the sixth step have two rows: with four ranks two have none.</summary>
    [Theory]
    [InlineData(RankedTool.OpenMpi, 2, 2, 1)]
    [InlineData(RankedTool.Mpich, 4, 1, 1)]
    [InlineData(RankedTool.OpenMpi, 4, 1, 1, "--modules-to-save", "none")]
    [InlineData(RankedTool.Mpich, 2, 1, 2, "--modules-to-save", "none")]
    public async Task Losses_AreThoseOfOneProcess(string launcher, int ranks, int perDevice, int accumulation, params string[] more)
    {
        MpiRun.Require(launcher);
        CliRun.Of(_tool.TrainSix("one", 1, 4, more)).Ok();
        double[] expected = _tool.Losses("one");
        Assert.Equal(6, expected.Length);

        var end = await RankedTool.Ok(launcher, ranks, _tool.TrainSix("several", perDevice, accumulation, more));
        RankedTool.AssertClose(expected, _tool.Losses("several"));
        string batch = $"effective batch 4 = {perDevice} per device × {accumulation} accumulation × {ranks} ranks";
        string[] says = [$"ranks      {ranks} from mpi", batch];
        Assert.All(says, words => Assert.Contains(words, end.Of(0), StringComparison.Ordinal));
        Assert.Contains($"global_batch_size: 4", File.ReadAllText(Path.Combine(_tool["several"], "run.yaml")), StringComparison.Ordinal);
        Assert.Equal([2, 4, 6], _tool.Checkpoints("several"));
        _tool.AssertNothingHalfWritten("several");
    }

    /// <summary>All weights: each rank has its part of the moments, and the files are those of one.</summary>
    [Theory]
    [InlineData(RankedTool.OpenMpi)]
    [InlineData(RankedTool.Mpich)]
    public async Task AllWeights_TrainAsInOneProcess_AndGoOnInAnother(string launcher)
    {
        MpiRun.Require(launcher);
        string[] Args(string output, int perDevice, int accumulation) =>
            RankedTool.Without("--target-modules", _tool.TrainSix(output, perDevice, accumulation, "--method", "full"));
        CliRun.Of(Args("one", 1, 4)).Ok();
        await RankedTool.Ok(launcher, 2, Args("two", 2, 1));
        RankedTool.AssertClose(_tool.Losses("one"), _tool.Losses("two"));

        Directory.Delete(Path.Combine(_tool["two"], "checkpoint-6"), recursive: true);
        File.Delete(Path.Combine(_tool["two"], "trainer_state.json"));
        CliRun.Of(_tool.Resume("two")).Ok();
        RankedTool.AssertClose(_tool.Losses("one"), _tool.Losses("two"));
        Assert.Equal([2, 4, 6], _tool.Checkpoints("two"));
    }

    /// <summary>Three ranks: two add up to the same bits in any order.</summary>
    [Fact]
    public async Task Bits_AreTheSameEachTime_AndWithBothLaunchers()
    {
        MpiRun.Require(MpiRun.OpenMpi);
        MpiRun.Require(MpiRun.Mpich);
        string[] Args(string output) => _tool.TrainSix(output, 1, 1);
        await RankedTool.Ok(MpiRun.OpenMpi, 3, Args("first"));
        var expected = _tool.Bits("first", step: 8);
        foreach (string launcher in new[] { MpiRun.OpenMpi, MpiRun.Mpich })
        {
            await RankedTool.Ok(launcher, 3, Args(launcher));
            _tool.AssertSameBits(expected, launcher, step: 8);
            Assert.Equal(_tool.Losses("first"), _tool.Losses(launcher));
        }
    }

    [Fact]
    public async Task Result_IsPrintedOnce()
    {
        var end = await RankedTool.Ok(MpiRun.OpenMpi, 2, _tool.TrainSix("out", 2, 1, "--json"));
        var result = Assert.Single(end.Lines, line => !line.IsError);
        Assert.StartsWith("{", result.Text, StringComparison.Ordinal);
        Assert.Contains("\"global_step\":6", result.Text, StringComparison.Ordinal);
    }
}
