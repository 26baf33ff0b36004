using System.Text;
using System.Text.Json;
using Lapidary.Formats.Files;

namespace Lapidary.Formats.Tests.Files;

/// <summary>What stands where a text stops to be JSON.</summary>
public class JsonFaultTests
{
    [Theory]
    [InlineData("x", "the word x in line 1, column 1")]
    [InlineData("", "the end of the text in line 1, column 1")]
    [InlineData("[1,2", "the end of the text in line 1, column 5")]
    [InlineData("{\"a\":\"b", "the end of the text inside a string in line 1, column 8")]
    [InlineData("{\"a\":1,\n}", "a comma before '}' in line 2, column 1")]
    [InlineData("[1,\n ]", "a comma before ']' in line 2, column 2")]
    [InlineData("[1}", "'}' in line 1, column 3")]
    [InlineData("[1,,2]", "',' in line 1, column 4")]
    [InlineData("{'a':1}", "a single quote in line 1, column 2")]
    [InlineData("{\"a\" 1}", "'1' in line 1, column 6")]
    [InlineData("{\"a\":1\n\"b\":2}", "a quote in line 2, column 1")]
    [InlineData("{\"a\":None}", "the word None in line 1, column 6")]
    [InlineData("{\"a\":nul}", "the word nul in line 1, column 6")]
    [InlineData("{\"a\":tru", "the end of the text in line 1, column 9")]
    [InlineData("[true}", "'}' in line 1, column 6")]
    [InlineData("[1e]", "']' in line 1, column 4")]
    [InlineData("{\"a\":\"b\nc\"}", "a line end inside a string in line 1, column 8")]
    [InlineData("{\"a\":\"b\tc\"}", "a tab inside a string in line 1, column 8")]
    [InlineData("{\"a\":\"\\\"\\q\"}", "\\q inside a string in line 1, column 9")]
    [InlineData("{\"äö\":é}", "'é' in line 1, column 7")]
    [InlineData("{\"a\":\u00A01}", "the character U+00A0 in line 1, column 6")]
    [InlineData("{\"a\":1}\0", "the character U+0000 in line 1, column 8")]
    [InlineData("[1] // 2", "'/' in line 1, column 5")]
    public void Fault_IsNamedInWords(string text, string expected)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        var error = Assert.ThrowsAny<JsonException>(() => JsonDocument.Parse(utf8));

        Assert.Equal(expected, JsonFault.Of(utf8, error).ToString());
    }

    [Fact]
    public void Depth_IsNamed()
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(new string('[', 70));
        var error = Assert.ThrowsAny<JsonException>(() => JsonDocument.Parse(utf8));

        Assert.Equal("lists and objects more than 64 deep in line 1, column 65", JsonFault.Of(utf8, error).ToString());
    }

    [Theory]
    [InlineData("{\"a\": 1,\n \"a\": 2}", "the key \"a\" a second time in line 2, column 2")]
    [InlineData("{\"a\": {\"b\": 1}, \"b\": [{\"b\": 2}], \"a\": 2}", "the key \"a\" a second time in line 1, column 34")]
    [InlineData("{\"a\":\n\"\\ud800\"}", "a string that is not Unicode in line 2, column 1")]
    [InlineData("{\"a\":\n1 y}", "the word y in line 2, column 3")]
    public void File_NamesPathLineAndColumn(string text, string expected)
    {
        var error = Assert.Throws<LapidaryException>(() => JsonFile.Parse("config.json", Encoding.UTF8.GetBytes(text)));

        Assert.Equal($"config.json: expected JSON, found {expected}; correct it or download the file again.", error.Message);
    }
}
