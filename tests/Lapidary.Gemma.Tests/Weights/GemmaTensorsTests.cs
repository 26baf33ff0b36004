using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class GemmaTensorsTests
{
    [Fact]
    public void Of_ListsTheApprovedNamesAndShapes()
    {
        string approved = File.ReadAllText(
            Path.Combine(Fixtures.Repository, "tests/Lapidary.Gemma.Tests/Weights/GemmaTensorsTests.approved.txt"));
        string[] lines = ["# tiny", .. Lines(GemmaConfig.Load(Fixtures.Path("tiny/model"))), "# 1b", .. Lines(GemmaConfig.Preset("1b"))];
        Assert.Equal(approved.Split('\n', StringSplitOptions.RemoveEmptyEntries), lines);
    }

    [Fact]
    public void Of_AddsAnUntiedHead()
    {
        var last = GemmaTensors.Of(GemmaConfig.Preset("270m") with { TieWordEmbeddings = false }).Last();
        Assert.Equal(("lm_head.weight", 262_144L, 640L), (last.Name, last.Shape[0], last.Shape[1]));
    }

    [Theory]
    [InlineData("270m", 268_098_176L)]
    [InlineData("1b", 999_885_952L)]
    public void Of_AddsUpToThePublishedNumberOfParameters(string size, long parameters) =>
        Assert.Equal(
            parameters,
            GemmaTensors.Of(GemmaConfig.Preset(size)).Sum(tensor => tensor.Shape.Aggregate(1L, (count, length) => count * length)));

    private static IEnumerable<string> Lines(GemmaConfig config) =>
        GemmaTensors.Of(config).Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}]");
}
