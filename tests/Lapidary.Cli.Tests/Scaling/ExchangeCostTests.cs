using Lapidary.Cli.Scaling;

namespace Lapidary.Cli.Tests.Scaling;

public class ExchangeCostTests
{
    private const long TableBytes = 301_989_888L * 4, LoraBytes = 52_000_000;

    /// <summary>Two H200 joined by NVLink, NVLS off.</summary>
    [Theory]
    [InlineData(300_000, 0.064)]
    [InlineData(52_000_000, 0.257)]
    [InlineData(1_267_000_000, 3.9)]
    public void AllReduce_OfTwoRanks_TakesWhatWasMeasured(long bytes, double milliseconds)
    {
        double seconds = ExchangeCost.Of(2, 8, Link.NvLink).AllReduceSeconds(bytes);
        Assert.InRange(seconds * 1000, milliseconds * 0.98, milliseconds * 1.02);
    }

    /// <summary>Bytes through each link, 2 · (n − 1) / n · 1.208 GB, at the link's bandwidth; the start and the hops come on top.</summary>
    [Theory]
    [InlineData("nvlink", 4, 4.99)] // 1.5 · 1.208 GB at 363 GB/s
    [InlineData("nvlink", 8, 5.82)] // 1.75
    [InlineData("pcie", 2, 60.4)] // 1 · 1.208 GB at 20 GB/s
    [InlineData("pcie", 8, 105.7)]
    [InlineData("100G", 64, 216.2)] // 1.96875 at 11
    [InlineData("100G", 512, 219.2)] // 1.99609
    [InlineData("400G", 64, 54.0)] // at 44
    [InlineData("8x400G", 512, 7.09)] // at 340
    public void AllReduce_TakesItsBytesAtTheBandwidth_AndAtMostAMillisecondMore(string link, int ranks, double milliseconds)
    {
        double seconds = ExchangeCost.Of(ranks, 8, Link.Parse(link)).AllReduceSeconds(TableBytes);
        Assert.InRange(seconds * 1000, milliseconds * 0.999 + 0.1, milliseconds * 1.001 + 1.102);
    }

    [Theory]
    [InlineData("nvlink", 2, 0.257)] // 0.101 + 52 MB at 333 GB/s
    [InlineData("nvlink", 8, 0.376)] // 0.101 + 12 hops of 2 µs + 1.75 · 52 MB at 363 GB/s
    [InlineData("pcie", 4, 4.009)] // 0.101 + 4 hops + 3.9
    [InlineData("100G", 64, 10.40)] // 0.101 + 124 hops of 8 µs + 9.307
    [InlineData("400G", 512, 3.460)] // 0.101 + 1 + 2.359
    public void AllReduce_OfLora_IsStartHopsAndBytes(string link, int ranks, double milliseconds) =>
        Assert.Equal(milliseconds, ExchangeCost.Of(ranks, 8, Link.Parse(link)).AllReduceSeconds(LoraBytes) * 1000, milliseconds * 0.01);

    [Fact]
    public void ReduceScatterAndAllGather_SendHalfEach()
    {
        var cost = ExchangeCost.Of(8, 8, Link.Parse("pcie"));
        double both = cost.ReduceScatterSeconds(TableBytes) + cost.AllGatherSeconds(TableBytes);
        Assert.Equal(cost.AllReduceSeconds(TableBytes), both, 0.2e-3);
        Assert.Equal(cost.ReduceScatterSeconds(TableBytes), cost.AllGatherSeconds(TableBytes));
        Assert.Equal(2 * 7 / 8.0 * TableBytes, cost.SentBytes(TableBytes));
    }

    [Fact]
    public void OneRank_ExchangesNothing()
    {
        var cost = ExchangeCost.Of(1, 8, Link.NvLink);
        Assert.Equal(0, cost.AllReduceSeconds(TableBytes) + cost.ReduceScatterSeconds(TableBytes) + cost.AllGatherSeconds(TableBytes));
        Assert.Equal(0, ExchangeCost.Of(2, 8, Link.NvLink).AllReduceSeconds(0));
    }

    [Theory]
    [InlineData(2, 1, 3.9e-3)]
    [InlineData(8, 1, 6.0e-3)]
    [InlineData(16, 2, 60e-3)]
    public void MeasuredCost_OfTheMeasuredExchange_IsItsTime(int ranks, int nodes, double seconds) =>
        Assert.Equal(seconds, ExchangeCost.Measured(ranks, nodes, TableBytes, seconds).AllReduceSeconds(TableBytes), seconds * 1e-6);

    [Theory]
    [InlineData(8, 8, 1)]
    [InlineData(9, 8, 2)]
    [InlineData(512, 8, 64)]
    [InlineData(2, 1, 2)]
    public void Nodes_AreAsFewAsHoldTheRanks(int ranks, int perNode, int nodes) =>
        Assert.Equal(nodes, ExchangeCost.NodesOf(ranks, perNode));

    [Theory]
    [InlineData("44GB/s", 44e9)]
    [InlineData("1.5GiB/s", 1.5 * (1 << 30))]
    [InlineData("NVLink", 363e9)]
    [InlineData("8x400g", 340e9)]
    public void Link_IsANameOrBytesPerSecond(string text, double bytesPerSecond) =>
        Assert.Equal(bytesPerSecond, Link.Parse(text).BytesPerSecond);

    [Theory]
    [InlineData("")]
    [InlineData("fast")]
    [InlineData("44")]
    [InlineData("44Gb")]
    [InlineData("0GB/s")]
    [InlineData("-1GB/s")]
    [InlineData("/s")]
    public void Link_ThatIsNeither_SaysWhatIsExpected(string text) =>
        Assert.Contains(
            "expected nvlink, pcie, 100G, 400G, 8x400G or bytes per second such as 44GB/s",
            Assert.Throws<FormatException>(() => Link.Parse(text)).Message, StringComparison.Ordinal);
}
