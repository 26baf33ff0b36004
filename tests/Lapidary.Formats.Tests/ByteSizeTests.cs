namespace Lapidary.Formats.Tests;

public class ByteSizeTests
{
    [Theory]
    [InlineData("2GB", 2_000_000_000L)]
    [InlineData("1.5gb", 1_500_000_000L)]
    [InlineData(" 500 MB ", 500_000_000L)]
    [InlineData("2GiB", 2_147_483_648L)]
    [InlineData("3KB", 3000L)]
    [InlineData("12345", 12_345L)]
    public void Parse_ReadsSizes(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-1GB")]
    [InlineData("0")]
    [InlineData("2XB")]
    [InlineData("1e3MB")]
    [InlineData("99999999999TB")]
    public void Parse_RefusesOthers(string text) => Assert.Throws<FormatException>(() => ByteSize.Parse(text));
}
