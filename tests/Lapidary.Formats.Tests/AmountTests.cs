namespace Lapidary.Formats.Tests;

public class AmountTests
{
    [Theory]
    [InlineData(0, "0 rows")]
    [InlineData(1, "1 row")]
    [InlineData(2, "2 rows")]
    [InlineData(12500, "12500 rows")]
    public void Of_AgreesWithTheNumber(long number, string expected) => Assert.Equal(expected, Amount.Of(number, "row"));

    [Theory]
    [InlineData(0, "0 rows were")]
    [InlineData(1, "1 row was")]
    [InlineData(12500, "12,500 rows were")]
    public void Grouped_AgreesWithTheNumber(long number, string expected) =>
        Assert.Equal(expected, Amount.Grouped(number, "row was", "rows were"));
}
