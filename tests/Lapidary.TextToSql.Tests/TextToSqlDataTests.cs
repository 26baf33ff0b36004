using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.TextToSql.Tests;

public class TextToSqlDataTests
{
    [Fact]
    public void Rows_AskEachQuestionOnce()
    {
        var rows = TextToSqlData.Rows();

        Assert.InRange(rows.Count, 300, 1000);
        Assert.Equal(rows.Count, rows.Select(row => row.SqlPrompt).Distinct().Count());
    }

    [Fact]
    public void Rows_NameTheTableOfTheirContext() => Assert.All(TextToSqlData.Rows(), row =>
    {
        string table = row.SqlContext.Split(' ')[2];
        Assert.Contains($"FROM {table}", row.Sql, StringComparison.Ordinal);
        Assert.Contains(table, row.SqlPrompt, StringComparison.Ordinal);
    });

    [Fact]
    public void Rows_ComeInAnOrderOfTheSeed()
    {
        Assert.Equal(TextToSqlData.Rows(1), TextToSqlData.Rows(1));
        Assert.NotEqual(TextToSqlData.Rows(1), TextToSqlData.Rows(2));
        Assert.Equal(TextToSqlData.Rows(1).OrderBy(row => row.SqlPrompt), TextToSqlData.Rows(2).OrderBy(row => row.SqlPrompt));
    }

    [Fact]
    public void Write_GivesAFileForTheGuidesTemplate()
    {
        string path = Path.Combine(Fixtures.TemporaryFolder(), "data.jsonl");
        var rows = TextToSqlData.Rows();
        TextToSqlData.Write(path, rows);

        var data = DataSet.Load(path, new DataSetOptions { Template = RowTemplate.TextToSql });

        Assert.Equal(rows.Count, data.Count);
        var first = Assert.IsType<MessagesRow>(data.Rows[0]);
        Assert.Contains(rows[0].SqlContext, first.Messages[0].Content, StringComparison.Ordinal);
        Assert.Equal(rows[0].Sql, first.Messages[1].Content);
    }
}
