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
    [InlineData("``` sql\nSELECT 1\n```", "SELECT 1")]
    [InlineData("Here:\n``` sql\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```SELECT\nid FROM t\n```", "SELECT\nid FROM t")]
    [InlineData("```SQL Server\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```{sql}\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```{.sql}\r\nSELECT 1\r\n```", "SELECT 1")]
    [InlineData("```sql:query.sql\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```create.sql\nCREATE TABLE t (a)\n```", "CREATE TABLE t (a)")]
    [InlineData("```mssql\nSELECT 1\n```", "SELECT 1")]
    [InlineData("```sql SELECT id\nFROM t\n```", "SELECT id\nFROM t")]
    [InlineData("```-- ids\n(SELECT id FROM t)\n```", "-- ids\n(SELECT id FROM t)")]
    [InlineData("Select all ids:\n```\nSELECT id FROM t\n```", "SELECT id FROM t")]
    [InlineData("Select all ids:\n```\nSELECT id FROM t", "SELECT id FROM t")]
    [InlineData("Here it is:\n```\nSELECT id FROM t", "SELECT id FROM t")]
    [InlineData("With this query you get it.\n```\nSELECT id FROM t\n```", "SELECT id FROM t")]
    [InlineData("Update: here it is\n```\nSELECT id FROM t\n```", "SELECT id FROM t")]
    [InlineData("SELECT 1\n``` Query and answer\nmore\n```", "SELECT 1")]
    [InlineData("SELECT 1;\n```\nSELECT 2;\n```", "SELECT 1;")]
    [InlineData("SELECT 1\n```\nSelect the dogs:\n```\nSELECT 2\n```", "SELECT 1")]
    [InlineData("SELECT 1\n```\nSelect the dogs\n```sql\nSELECT 2\n```", "SELECT 1")]
    [InlineData("```\n```", "")]
    [InlineData("```", "")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void Sql_IsTheFirstFencedBlock(string? answer, string sql) => Assert.Equal(sql, AnswerText.Sql(answer));

    [Fact]
    public void Tokenizer_KnowsQuotesCommentsAndDepth()
    {
        var tokens = SqlTokenizer.Tokens(
            "SELECT \"a\"\"b\", [c d], `e`, 'it''s', x'0F', 1.5e-3, .5, 0xFF, :p, a<>b /* ( */ -- )\n FROM (t)");
        Assert.Equal(
            [
                "SELECT", "a\"b", ",", "c d", ",", "e", ",", "it's", ",", "0F", ",", "1.5e-3", ",", ".5", ",", "0xFF", ",", ":p", ",",
                "a", "<>", "b", "FROM", "(", "t", ")",
            ],
            tokens.Select(token => token.Value));
        Assert.Equal((1, 0), (tokens[^2].Depth, tokens[^1].Depth));
        foreach (string open in (string[])["'", "\"", "`", "[", "/*", "x'", "(", "'a''", "--", "."]) SqlTokenizer.Tokens("SELECT " + open);
    }
}
