using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>A run goes on with any number of ranks, with nothing said but where it is.</summary>
[Collection(nameof(RankedRuns))]
public sealed class ResumedRanksTests : IDisposable
{
    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task ARunOf2x2_GoesOnWith4x1_1x4_And2x2()
    {
        await RankedTool.Ok(MpiRun.OpenMpi, 2, _tool.TrainSix("out", 2, 1));
        double[] losses = _tool.Losses("out");
        var bits = _tool.Bits("out", step: 6);

        // On other ranks it is the same but for rounding.
        _tool.CutAfter("out", step: 2);
        var four = await RankedTool.Ok(MpiRun.OpenMpi, 4, _tool.Resume("out"));
        Assert.Contains("effective batch 4 = 1 per device × 1 accumulation × 4 ranks", four.Of(0), StringComparison.Ordinal);
        Assert.Contains("planned anew, for 4 ranks instead of 2", four.Of(0), StringComparison.Ordinal);
        RankedTool.AssertClose(losses, _tool.Losses("out"));

        // From four to one. The file now says one row for each.
        _tool.CutAfter("out", step: 4);
        var one = CliRun.Of(_tool.Resume("out")).Ok();
        Assert.Contains("planned anew, for 1 ranks instead of 4", one.Out, StringComparison.Ordinal);
        RankedTool.AssertClose(losses, _tool.Losses("out"));

        // From what one has left back to two: the first two steps are still theirs.
        _tool.CutAfter("out", step: 2);
        await RankedTool.Ok(MpiRun.OpenMpi, 2, _tool.Resume("out", "--per-device-train-batch-size", "2"));
        _tool.AssertSameBits(bits, "out", step: 6);
        Assert.Equal(losses, _tool.Losses("out"));
    }

    [Fact]
    public async Task ARunOfOneProcess_GoesOnWithTwo()
    {
        MpiRun.Require(MpiRun.Mpich);
        CliRun.Of(_tool.TrainSix("out", 1, 4)).Ok();
        double[] losses = _tool.Losses("out");
        _tool.CutAfter("out", step: 2);
        var end = await RankedTool.Ok(MpiRun.Mpich, 2, _tool.Resume("out"));
        Assert.Contains("effective batch 4 = 1 per device × 2 accumulation × 2 ranks", end.Of(0), StringComparison.Ordinal);
        RankedTool.AssertClose(losses, _tool.Losses("out"));
    }

    /// <summary>What two ranks of two rows do is done by one of four, by the file alone.</summary>
    [Fact]
    public async Task ARunOf2x2_GoesOnAlone_ByItsFileAlone()
    {
        MpiRun.Require(MpiRun.Mpich);
        await RankedTool.Ok(MpiRun.Mpich, 2, _tool.TrainSix("out", 2, 1));
        double[] losses = _tool.Losses("out");
        _tool.CutAfter("out", step: 2);
        var one = CliRun.Of(_tool.Resume("out")).Ok();
        Assert.Contains("steps      6", one.Out, StringComparison.Ordinal);
        RankedTool.AssertClose(losses, _tool.Losses("out"));
    }

    [Theory]
    [InlineData(1, "--global-batch-size is 6, but 1 --per-device-train-batch-size × 2 --gradient-accumulation-steps × 2 ranks is 4")]
    [InlineData(2, "--global-batch-size: expected a multiple of 4, which is 2 --per-device-train-batch-size × 2 ranks")]
    public async Task AGlobalBatchThatDoesNotFit_IsOneLineWithItsNumbers(int perDevice, string words)
    {
        string[] accumulation = perDevice == 1 ? ["--gradient-accumulation-steps", "2"] : [];
        var end = await RankedTool.Run(MpiRun.OpenMpi, 2, _tool.Train(
            "out", ["--per-device-train-batch-size", $"{perDevice}", "--global-batch-size", "6", .. accumulation]));
        Assert.True(end.ExitCode != 0, $"{end}");
        Assert.Contains(words, Assert.Single(RankedTool.Errors(end)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_tool["out"]), $"{end}");
    }
}
