using Lapidary.Cli.Scaling;
using Lapidary.Gemma;

namespace Lapidary.Cli.Tests.Scaling;

public class ScaledStepTests
{
    private const double Memory = 3.0e12;
    private const long Table = 301_989_888, LargeTable = 671_088_640;

    private static readonly (string Link, int Ranks)[] Columns =
    [
        ("nvlink", 2), ("nvlink", 4), ("nvlink", 8), ("pcie", 2), ("pcie", 4), ("pcie", 8),
        ("100G", 64), ("400G", 64), ("8x400G", 64), ("100G", 512), ("400G", 512), ("8x400G", 512),
    ];

    /// <summary>LoRA alone: efficiency in % from the bytes and bandwidths by hand, with 1 ms of latency between nodes.</summary>
    [Theory]
    [InlineData(29, 13, new[] { 99, 99, 98, 91, 88, 86, 74, 90, 95, 74, 90, 94 })]
    [InlineData(170, 13, new[] { 100, 100, 100, 98, 98, 97, 94, 98, 99, 94, 98, 99 })]
    [InlineData(280, 29.8, new[] { 100, 100, 100, 98, 97, 96, 93, 98, 99, 93, 98, 99 })]
    public void Efficiency_OfLora_IsThatOfTheFormula(double milliseconds, double millionValues, int[] percent)
    {
        var alone = new RankStep(milliseconds / 1000, IsEstimate: false, 2048, (long)(millionValues * 1e6), [], Memory);
        for (int i = 0; i < Columns.Length; i++)
            Assert.InRange(100 * StepOf(alone, Columns[i]).Efficiency, percent[i] - 1.5, percent[i] + 1.5);
    }

    /// <summary>With the table, between two neighbours by hand: gradients all-reduced and every rank updating all of it, which is slower,
    /// and shards updated and gathered in 16 bits, which is faster.</summary>
    [Theory]
    [InlineData(
        35, 13, Table, new[] { 90, 87, 85, 36, 27, 24, 13, 38, 81, 13, 38, 81 }, new[] { 96, 95, 94, 43, 33, 30, 17, 46, 88, 17, 45, 88 })]
    [InlineData(
        170, 13, Table, new[] { 98, 97, 97, 73, 64, 61, 43, 75, 95, 43, 75, 95 },
        new[] { 99, 99, 99, 79, 71, 68, 50, 80, 97, 50, 80, 97 })]
    [InlineData(
        280, 29.8, LargeTable, new[] { 97, 96, 95, 67, 57, 53, 36, 69, 94, 35, 69, 94 },
        new[] { 99, 99, 98, 73, 64, 61, 43, 76, 97, 42, 75, 97 })]
    public void Efficiency_WithATable_IsBetweenItsNeighbours(
        double milliseconds, double millionValues, long table, int[] slower, int[] faster)
    {
        var alone = new RankStep(milliseconds / 1000, IsEstimate: false, 2048, (long)(millionValues * 1e6), [table], Memory);
        for (int i = 0; i < Columns.Length; i++)
            Assert.InRange(100 * StepOf(alone, Columns[i]).Efficiency, slower[i] - 0.7, faster[i] + 0.7);
    }

    [Fact]
    public void Step_IsAlone_LessTheUpdateOfOthers_AndExchanges()
    {
        var alone = new RankStep(0.035, IsEstimate: false, 2048, 13_000_000, [Table], Memory);
        var step = StepOf(alone, ("nvlink", 8));

        Assert.Equal(32.0 * Table * 7 / 8 / Memory, step.UpdateSecondsSaved, 1e-12); // 2.8 ms
        Assert.Equal(0.035 - step.UpdateSecondsSaved + step.ExchangeSeconds, step.Seconds, 1e-12);
        Assert.Equal(8 * 2048 / step.Seconds, step.TokensPerSecond, 1e-3);
    }

    /// <summary>guide1b on two H200 (docs/benchmarks.md): the time of one, of two as threads and of two as processes, and what NCCL's
    /// all-reduce of 1.2 GiB takes.</summary>
    [Theory]
    [InlineData(true, 32.3, 33.8, 2)]
    [InlineData(true, 32.5, 34.1, 2)]
    [InlineData(false, 32.2, 35.8, 2.5)]
    public void Step_OfTwoRanksWithATable_IsNearTheMeasured(bool areThreads, double alone, double measured, double points)
    {
        var step = Guide1b(alone).Across(Measured with { GathersBeside = areThreads });
        Assert.InRange(100 * step.Efficiency, 100 * alone / measured - points, 100 * alone / measured + points);
        Assert.Equal(areThreads, step.HiddenSeconds > 0);
    }

    /// <summary>What the model said when both exchanges of the table were exposed.</summary>
    [Fact]
    public void Step_OfProcesses_IsThatOfBothExchanges()
    {
        var step = Guide1b(32.3).Across(Measured);
        Assert.Equal(92.1, 100 * step.Efficiency, 0.3);
        Assert.Equal(0, step.HiddenSeconds + step.FetchSeconds);
        Assert.Equal(step.AllReduceSeconds + step.ReduceScatterSeconds + step.AllGatherSeconds, step.ExchangeSeconds);
    }

    /// <summary>A gather that takes longer than the layers is hidden for their time, and only tables are.</summary>
    [Fact]
    public void Gather_IsHiddenForTheTimeOfTheLayers_AndOnlyThatOfTables()
    {
        var cost = new ExchangeCost(2, 1, 20e9) { GathersBeside = true };
        var alone = Guide1b(32.3);
        var step = alone.Across(cost);
        Assert.InRange(step.HiddenSeconds, 0.10 * alone.Seconds, 0.25 * alone.Seconds);
        Assert.Equal(step.HiddenSeconds / 2, (alone with { Tables = alone.Tables! with { ForwardShare = alone.Tables.ForwardShare / 2 } })
            .Across(cost).HiddenSeconds, 1e-12);
        Assert.Equal(0, (alone with { Tables = null }).Across(cost).HiddenSeconds);
    }

    [Theory]
    [InlineData("nvlink", 8, 8, true)]
    [InlineData("nvlink", 16, 8, false)]
    [InlineData("nvlink", 17, 32, false)]
    [InlineData("pcie", 2, 8, false)]
    [InlineData("400GB/s", 2, 8, false)]
    [InlineData("400G", 2, 1, false)]
    public void Tables_AreGatheredBeside_OnAMachineWithNvLink(string link, int ranks, int perNode, bool expected) =>
        Assert.Equal(expected, ExchangeCost.Of(ranks, perNode, Link.Parse(link)).GathersBeside);

    private static ExchangeCost Measured => ExchangeCost.Measured(2, 1, bytes: 1_267_000_000, seconds: 3.85e-3);

    private static RankStep Guide1b(double milliseconds) =>
        new(milliseconds / 1000, IsEstimate: false, 2048, 52_200_000 / sizeof(float), [Table], MemoryBytesPerSecond: 3.8e12)
        {
            Tables = TokenTables.Of(Table, GemmaConfig.Preset("1b"), trainsLayers: false, runs: 1),
        };

    private static ScaledStep StepOf(RankStep alone, (string Link, int Ranks) column) =>
        alone.Across(ExchangeCost.Of(column.Ranks, 8, Link.Parse(column.Link)));
}
