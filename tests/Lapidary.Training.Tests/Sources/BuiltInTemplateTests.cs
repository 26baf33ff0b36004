using Lapidary.Formats;
using Lapidary.Training.Tests.Data;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Templates for well-known columns.</summary>
public class BuiltInTemplateTests
{
    [Theory]
    [InlineData("alpaca", """{"instruction":"Add.","input":"1 2","output":"3"}""", "user: Add.\n\n1 2 | assistant: 3")]
    [InlineData("alpaca", """{"instruction":"Hi","input":"","output":"Yo"}""", "user: Hi | assistant: Yo")]
    [InlineData("alpaca", """{"instruction":"Hi","output":"Yo"}""", "user: Hi | assistant: Yo")]
    [InlineData("dolly", """{"instruction":"Who?","context":"Ann","response":"She","category":"qa"}""",
        "user: Who?\n\nAnn | assistant: She")]
    [InlineData("dolly", """{"instruction":"Who?","context":" ","response":"She"}""", "user: Who? | assistant: She")]
    [InlineData("orca", """{"id":"1","system_prompt":"Be kind.","question":"Q","response":"R"}""",
        "system: Be kind. | user: Q | assistant: R")]
    [InlineData("orca", """{"system_prompt":"","question":"Q","response":"R"}""", "user: Q | assistant: R")]
    [InlineData("sharegpt",
        """{"id":1,"conversations":[{"from":"system","value":"S"},{"from":"human","value":"H"},{"from":"gpt","value":"G"}]}""",
        "system: S | user: H | assistant: G")]
    [InlineData("spider", """{"db_id":"shop","question":"How many?","query":"SELECT 1"}""",
        "user: Given the <USER_QUERY> and the <SCHEMA>, generate the corresponding SQL command to retrieve the desired data, "
        + "considering the query's syntax, semantics, and schema constraints.\n\n<SCHEMA>\nDatabase: shop\n</SCHEMA>\n\n"
        + "<USER_QUERY>\nHow many?\n"
        + "</USER_QUERY>\n | assistant: SELECT 1")]
    public void Format_IsExact(string name, string row, string expected) =>
        Assert.Equal([expected], RowText.Load("a.jsonl", row, new() { Template = RowTemplate.Load(name) }));

    [Fact]
    public void Spider_ShowsTheSchemaThatThereIs()
    {
        const string Row = """
            [{"db_id":"shop","question":"Q","query":"S","Schema (values (type))":"shop : id (number)","Primary Keys":"shop : id",
            "Foreign Keys":""}]
            """;
        string text = RowText.Load("a.json", Row, new() { Template = RowTemplate.Spider })[0];
        Assert.Contains("<SCHEMA>\nDatabase: shop\nshop : id (number)\nPrimary keys: shop : id\n</SCHEMA>", text, StringComparison.Ordinal);
        text = RowText.Load(
            "a.jsonl", """{"question":"Q","query":"S","context":"CREATE TABLE t (a)"}""", new() { Template = RowTemplate.Spider })[0];
        Assert.Contains("<SCHEMA>\nCREATE TABLE t (a)\n</SCHEMA>", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"instruction":"a","context":"b","response":"c"}""", "dolly")]
    [InlineData("""{"instruction":"a","input":"b","output":"c"}""", "alpaca")]
    [InlineData("""{"system_prompt":"a","question":"b","response":"c"}""", "orca")]
    [InlineData("""{"question":"a","query":"b","db_id":"c"}""", "spider")]
    [InlineData("""{"sql_prompt":"a","sql_context":"b","sql":"c"}""", "text-to-sql")]
    public void Load_SaysWhichTemplateFits(string row, string name) => Assert.Contains(
        $"looks like {name}: set Template to {name}.",
        Assert.Throws<LapidaryException>(() => RowText.Load("a.jsonl", row)).Message, StringComparison.Ordinal);

    [Fact]
    public void ShareGpt_LeavesTheAnswerOut()
    {
        var columns = new Dictionary<string, object?>
        {
            ["conversations"] = new object?[]
            {
                new Dictionary<string, object?> { ["from"] = "human", ["value"] = "H" },
                new Dictionary<string, object?> { ["from"] = "gpt", ["value"] = "G" },
            },
        };
        Assert.Equal(["user", "assistant"], RowTemplate.ShareGpt.Format(columns).Select(turn => turn.Role));
        Assert.Equal(["user"], RowTemplate.ShareGpt.Format(columns, withAnswer: false).Select(turn => turn.Role));
    }

    [Theory]
    [InlineData("{a}{?b} and {b}{/b}.", "1 and 2.")]
    [InlineData("{a}{?c} and {c}{/c}.", "1.")]
    [InlineData("{?a}{?c}x{/c}y{/a}", "y")]
    [InlineData("{?c}{?a}x{/a}{/c}z", "z")]
    [InlineData("{? a }{a}{/ a }", "1")]
    [InlineData("{{?a}}", "{?a}")]
    public void Parts_AreLeftOutWhereAColumnIsEmpty(string text, string expected) =>
        Assert.Equal(expected, new PromptTemplate(text).Format(new Dictionary<string, object?> { ["a"] = "1", ["b"] = "2", ["d"] = null }));

    [Theory]
    [InlineData("{?a}x", "expected {/a} behind {?a}")]
    [InlineData("x{/a}", "expected {?a} before {/a}")]
    [InlineData("{?a}{?b}{/a}{/b}", "expected {?a} before {/a}")]
    [InlineData("{?}x{/}", "names no column")]
    public void Parts_ComeInPairs(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(() => new PromptTemplate(text)).Message, StringComparison.Ordinal);
}
