namespace Lapidary.Formats.Tests;

public class NearestNameTests
{
    [Theory]
    [InlineData("learning_rat", "learning_rate")]
    [InlineData("batchsize", null)]
    [InlineData("sede", "seed")]
    [InlineData("SEED", "seed")]
    [InlineData("xy", null)]
    [InlineData("a", null)]
    [InlineData("", null)]
    public void Of_FindsWhatWasMeant(string typed, string? expected) =>
        Assert.Equal(expected, NearestName.Of(typed, ["learning_rate", "seed", "max_length", "mix", "m"]));
}
