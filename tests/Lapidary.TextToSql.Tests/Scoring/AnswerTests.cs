using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Tests.Scoring;

public class AnswerTests
{
    [Theory]
    [InlineData("SELECT 1", "SELECT 1")]
    [InlineData(" \n SELECT 1;\n", "SELECT 1;")]
    [InlineData("```sql\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```sqlite\r\nSELECT 1;\r\n```\r\nThis counts.", "SELECT 1;")]
    [InlineData("~~~\nSELECT 1\n~~~ more ~~~\nSELECT 2\n~~~", "SELECT 1")]
    [InlineData("````sql\nSELECT '```'\n````", "SELECT '```'")]
    [InlineData("```SELECT 1```", "SELECT 1")]
    [InlineData("```sql SELECT 1```", "SELECT 1")]
    [InlineData("```sql\nSELECT 1", "SELECT 1")]
    [InlineData("Here it is:\n```sql\nSELECT 1\n```\nDone.", "SELECT 1")]
    [InlineData("Here it is:\n```\nSELECT 1\n```", "SELECT 1")]
    [InlineData("SELECT 1\n```\nDone.", "SELECT 1")]
    [InlineData("SELECT 1;\n```\n\nOr:\n```sql\nSELECT 2\n```", "SELECT 1;")]
    [InlineData("```\n```", "")]
    [InlineData("```", "")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void Sql_IsTheFirstFencedBlock(string? answer, string sql) => Assert.Equal(sql, AnswerText.Sql(answer));

    [Fact]
    public void Tokenizer_KnowsQuotesCommentsAndDepth()
    {
        var tokens = SqlTokenizer.Tokens("SELECT \"a\"\"b\", [c d], `e`, 'it''s', x'0F', 1.5e-3, .5, 0xFF, :p, a<>b /* ( */ -- )\n FROM (t)");
        Assert.Equal(
            ["SELECT", "a\"b", ",", "c d", ",", "e", ",", "it's", ",", "0F", ",", "1.5e-3", ",", ".5", ",", "0xFF", ",", ":p", ",", "a", "<>", "b", "FROM", "(", "t", ")"],
            tokens.Select(token => token.Value));
        Assert.Equal((1, 0), (tokens[^2].Depth, tokens[^1].Depth));
        foreach (string open in (string[])["'", "\"", "`", "[", "/*", "x'", "(", "'a''", "--", "."]) SqlTokenizer.Tokens("SELECT " + open);
    }
}
