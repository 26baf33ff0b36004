using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests.Files;

public class JsonFileTests
{
    [Theory]
    [InlineData("{\"a\": 1,\n\"a\": 2}", "a")]
    [InlineData("{\"a\":\n\"\\ud800\"}", "expected JSON")]
    [InlineData("{\"\\udc00\": 1}", "expected JSON")]
    [InlineData("{\"a\":\n1,}", "in line 2")]
    [InlineData("{} {}", "expected JSON")]
    [InlineData("{/* note */}", "expected JSON")]
    [InlineData("", "expected JSON")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("null", "expected a JSON object")]
    public void Parse_RefusesInOneLine(string json, string words)
    {
        string message = Assert.Throws<LapidaryException>(() => JsonFile.Parse("a.json", System.Text.Encoding.UTF8.GetBytes(json))).Message;
        Assert.StartsWith("a.json: ", message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Parse_PassesOverAMark_AndRefusesDeepNesting()
    {
        Assert.Equal(1, (int)JsonFile.Parse("a.json", [0xEF, 0xBB, 0xBF, .. "{\"a\": 1}"u8])["a"]!);
        static byte[] Nested(int depth) => System.Text.Encoding.UTF8.GetBytes(
            $"{{\"a\":{new string('[', depth - 1)}{new string(']', depth - 1)}}}");
        Assert.NotNull(JsonFile.Parse("a.json", Nested(64)));
        Assert.Throws<LapidaryException>(() => JsonFile.Parse("a.json", Nested(65)));
    }

    [Fact]
    public void Read_RefusesMoreThanTheLimit()
    {
        string path = Path.Combine(Fixtures.TemporaryFolder(), "a.json");
        File.WriteAllText(path, "{\"a\": 1}");
        Assert.Single(JsonFile.Read(path, 8));
        Assert.Contains("at most 7 B", Assert.Throws<LapidaryException>(() => JsonFile.Read(path, 7)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Section_TakesWhatIsWithinItsLimits()
    {
        var json = Section("""{"int": 256.0, "low": 1, "high": 5, "ints": [1, 5], "texts": ["a", "b"], "null": null}""");
        Assert.Equal(256, json.Int("int", 0, 0, 256));
        Assert.Equal(1, json.Int("low", 0, 1, 5));
        Assert.Equal(5, json.Number("high", 0, 1, 5));
        Assert.Equal([1, 5], json.Ints("ints", 1, 5)!);
        Assert.Equal(["a", "b"], json.Texts("texts")!);
        Assert.Equal(7, json.Int("null", 7, 0, 1));
        Assert.Equal(1e-15, Section("""{"a": 1e-15}""").Positive("a", 1));
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("0")]
    [InlineData("6")]
    [InlineData("1e400")]
    [InlineData("\"1\"")]
    [InlineData("[]")]
    public void Section_RefusesANumberThatIsNone(string value)
    {
        var json = Section($$"""{"a": {{value}}, "list": [{{value}}]}""");
        Refuses(() => json.Int("a", 0, 1, 5));
        Refuses(() => json.Ints("list", 1, 5));
        if (value != "1.5") Refuses(() => json.Number("a", 0, 1, 5));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1e-16")]
    [InlineData("1.1e15")]
    [InlineData("-1")]
    public void Section_RefusesAFactorThatFloatsCannotHave(string value) =>
        Refuses(() => Section($$"""{"a": {{value}}}""").Positive("a", 1));

    [Fact]
    public void Section_NamesTheKeyAndWhatItHas()
    {
        var json = Section("""{"outer": {"texts": ["a", 1], "flag": "yes", "text": 3}}""").Section("outer")!;
        Assert.Equal(
            "a.json: outer.texts: expected a list of strings, found [\"a\",1]; correct the file or download it again.",
            Refuses(() => json.Texts("texts")));
        Refuses(() => json.Flag("flag", true));
        Refuses(() => json.Text("text"));
        Refuses(() => json.Section("text"));
    }

    private static JsonSection Section(string json) => new("a.json", JsonFile.Parse("a.json", System.Text.Encoding.UTF8.GetBytes(json)));

    private static string Refuses(Func<object?> read) => Assert.Throws<LapidaryException>(() => read()).Message;
}
