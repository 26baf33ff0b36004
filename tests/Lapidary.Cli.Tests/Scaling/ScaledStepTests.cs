using Lapidary.Cli.Scaling;

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

    private static ScaledStep StepOf(RankStep alone, (string Link, int Ranks) column) =>
        alone.Across(ExchangeCost.Of(column.Ranks, 8, Link.Parse(column.Link)));
}
