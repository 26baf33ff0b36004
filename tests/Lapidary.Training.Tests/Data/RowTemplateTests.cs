using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests.Data;

public class RowTemplateTests
{
    private static readonly Dictionary<string, object?> Columns = new() { ["a"] = "x", ["b c"] = 1.5, ["n"] = 7L, ["none"] = null };

    [Theory]
    [InlineData("", "")]
    [InlineData("{a}{a}", "xx")]
    [InlineData("1 {b c} 2 { n }", "1 1.5 2 7")]
    [InlineData("{{a}} {{{a}}}", "{a} {x}")]
    public void Format_FillsInColumns(string template, string expected) =>
        Assert.Equal(expected, new PromptTemplate(template).Format(Columns));

    [Theory]
    [InlineData("{b}", "expected a column \"b\", found columns a, b c, n, none")]
    [InlineData("{none}", "expected a string in \"none\" for the template, found null")]
    public void Format_NamesTheColumn(string template, string expected) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => new PromptTemplate(template).Format(Columns)).Message);

    [Theory]
    [InlineData("ab{", 3)]
    [InlineData("{}", 1)]
    [InlineData("a}b", 2)]
    [InlineData("{a{b}}", 1)]
    public void Constructor_RefusesSingleBraces(string template, int character) =>
        Assert.Contains($"at character {character}", Assert.Throws<LapidaryException>(() => new PromptTemplate(template)).Message);

    [Fact]
    public void TextToSql_IsTheGuidesPrompt()
    {
        const string Row = """{"sql_prompt":"How many?","sql_context":"CREATE TABLE t (x)","sql":"SELECT 1"}""";
        string[] rows = RowText.Load("a.jsonl", Row, new() { Template = RowTemplate.TextToSql });
        Assert.Equal(
            [
                "user: Given the <USER_QUERY> and the <SCHEMA>, generate the corresponding SQL command to retrieve the desired data, " +
                "considering the query's syntax, semantics, and schema constraints.\n\n" +
                "<SCHEMA>\nCREATE TABLE t (x)\n</SCHEMA>\n\n<USER_QUERY>\nHow many?\n</USER_QUERY>\n | assistant: SELECT 1",
            ],
            rows);
    }

    [Fact]
    public void Load_ReadsAFile()
    {
        using var file = new TemporaryFile("t.json", """{"system":"Be brief.","user":"Q: {a}","assistant":"{n}"}""");
        var template = RowTemplate.Load(file.Name);
        Assert.Equal([new ChatTurn("system", "Be brief."), new("user", "Q: x"), new("assistant", "7")], template.Format(Columns));
        Assert.Equal(2, template.Format(Columns, withAnswer: false).Count);
        Assert.Same(RowTemplate.TextToSql, RowTemplate.Load("text-to-sql"));
    }

    [Theory]
    [InlineData("""{"user":"a"}""", "expected a string as \"assistant\", found null")]
    [InlineData("""{"user":"a","assistant":"b","sytem":"c"}""", "found \"sytem\"")]
    [InlineData("""{"user":"a {","assistant":"b"}""", "\"user\": expected {column}")]
    [InlineData("[]", "found an empty list")]
    [InlineData("{", "invalid JSON")]
    public void Load_RefusesOtherFiles(string json, string expected)
    {
        using var file = new TemporaryFile("t.json", json);
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => RowTemplate.Load(file.Name)).Message);
        Assert.Contains("did you mean text-to-sql?", Assert.Throws<LapidaryException>(() => RowTemplate.Load("text-to-sq")).Message);
        Assert.Contains("check the name", Assert.Throws<LapidaryException>(() => RowTemplate.Load("x.json")).Message);
    }
}
