using Lapidary.Formats;
using Lapidary.Training.Tests.Data;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Which rows stay.</summary>
public class RowFilterTests
{
    private const string Rows =
        """{"text":"a","n":1,"level":"basic SQL","flag":true,"date":"2024-01-05","csv":"9","x":null}""" + "\n"
        + """{"text":"b","n":2.5,"level":"window functions","flag":false,"date":"2024-02-01","csv":"10"}""" + "\n"
        + """{"text":"c","n":10,"level":"","date":"2025-01-01","csv":"11","x":"y","flag":true}""" + "\n";

    [Theory]
    [InlineData("level=basic SQL", "a")]
    [InlineData("level = basic SQL", "a")]
    [InlineData("level!=basic SQL", "b c")]
    [InlineData("level~functions", "b")]
    [InlineData("level~SQL", "a")]
    [InlineData("level~sql", "")]
    [InlineData("level=", "c")]
    [InlineData("level!=", "a b")]
    [InlineData("n=1", "a")]
    [InlineData("n=1.0", "a")]
    [InlineData("n=2.5", "b")]
    [InlineData("n=one", "")]
    [InlineData("n!=one", "a b c")]
    [InlineData("n>1", "b c")]
    [InlineData("n>=2.5", "b c")]
    [InlineData("n<2.5", "a")]
    [InlineData("n<=2.5", "a b")]
    [InlineData("csv>9", "b c")]
    [InlineData("csv=09", "a")]
    [InlineData("date>=2024-02-01", "b c")]
    [InlineData("flag=true", "a c")]
    [InlineData("flag!=True", "b")]
    [InlineData("x=", "a b")]
    [InlineData("x!=", "c")]
    [InlineData("x=y", "c")]
    [InlineData("x~y", "c")]
    [InlineData("x<z", "c")]
    [InlineData("n>1;level~f", "b")]
    public void Filters_KeepRows(string filters, string expected)
    {
        var options = new DataSetOptions { Filters = [.. filters.Split(';').Select(RowFilter.Parse)] };
        if (expected.Length > 0) Assert.Equal(expected.Split(' '), RowText.Load("a.jsonl", Rows, options));
        else Assert.Contains("left out all 3 rows", Error("a.jsonl", options), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("size=1", "expected a column \"size\" for the filter size=1, found columns text, n, level, flag, date, csv, x")]
    [InlineData("level>1", "line 1: expected a number in \"level\" for the filter level>1, found a string")]
    [InlineData("n>one", "line 1: expected a text in \"n\"")]
    [InlineData("n~1", "line 1: expected a text in \"n\"")]
    [InlineData("flag>1", "line 1: expected a number or a text in \"flag\"")]
    public void Filters_SayWhatCannotBeCompared(string filter, string expected) =>
        Assert.Contains(expected, Error("a.jsonl", new() { Filters = [RowFilter.Parse(filter)] }), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("level")]
    [InlineData("=x")]
    [InlineData(" =x")]
    [InlineData("!x")]
    [InlineData("level!x")]
    public void Parse_RefusesOthers(string text) =>
        Assert.Contains(
            "expected a column", Assert.Throws<LapidaryException>(() => RowFilter.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Filters_MayBeFunctions()
    {
        var filter = new RowFilter(row => row["n"] is long and > 1);
        Assert.Equal(["c"], RowText.Load("a.jsonl", Rows, new() { Filters = [filter] }));
        Assert.Equal("level!=basic SQL", RowFilter.Parse("level != basic SQL").ToString());
    }

    [Fact]
    public void Filters_FollowSlices()
    {
        using var file = new TemporaryFile("a.jsonl", Rows);
        var options = new DataSetOptions { Filters = [RowFilter.Parse("n>=2")] };
        Assert.Equal(["b"], RowText.Of(DataSet.Load(file.Name, options, split: "train[:2]")));
    }

    private static string Error(string name, DataSetOptions options) =>
        Assert.Throws<LapidaryException>(() => RowText.Load(name, Rows, options)).Message;
}
