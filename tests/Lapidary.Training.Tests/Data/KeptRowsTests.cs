using System.Reflection;
using Lapidary.Formats;
using Lapidary.Training.Configuration;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Tests.Data;

/// <summary>Rows that are kept are those of their options, in their order.</summary>
public sealed class KeptRowsTests : KeptRows
{
    [Fact]
    public void Filters_MakeOtherRows_AndAreCountedAgain()
    {
        string path = Write("pair");
        var all = Options(false, true);
        var some = all with { Filters = [RowFilter.Parse("completion<100")] };
        var function = all with { Filters = [new RowFilter(row => (string?)row["completion"] == "7")] };
        for (int run = 0; run < 2; run++)
        {
            Assert.Equal(300, DataSet.Load(path, all).Count);
            var source = DataSource.Find(path, new HubAccess(null), null, null);
            Assert.Equal(100, DataSet.Load(source.FetchRows(), some, out long leftOut).Count);
            Assert.Equal(200, leftOut);
            Assert.Equal(1, DataSet.Load(path, function).Count);
            Assert.Equal(10, DataSet.Load(path, all, split: "train[:10]").Count);
            Assert.Equal(20, DataSet.Load(path, all, split: "train[:20]").Count);
        }

        Assert.Equal(4, Directory.GetFiles(Cache, "*.rows").Length);
    }

    [Fact]
    public void Template_ThatDiffers_MakesOtherRows()
    {
        string path = Write("pair");
        var first = Options(false, true) with { Template = new RowTemplate(null, new("{prompt}"), new("{completion}")) };
        var second = first with { Template = new RowTemplate(null, new("{prompt}!"), new("{completion}")) };
        string[] prints =
        [
            .. new[] { first, second, first, second }.Select(options => Prepare(DataSet.Load(path, options)).Packed.DataFingerprint),
        ];
        Assert.Equal(prints[..2], prints[2..]);
        Assert.NotEqual(prints[0], prints[1]);
    }

    /// <summary>Options go into the key as the record prints them, but for the filters and a template's column of messages: a property must
    /// print what it holds, or go in by itself.</summary>
    [Fact]
    public void Options_PrintWhatTheyHold()
    {
        Type[] printed = [typeof(string), typeof(RowKind?), typeof(DataFormat?), typeof(RowTemplate), typeof(IReadOnlyList<RowFilter>)];
        var ofRows = typeof(DataSetOptions).GetProperties().Where(property => property.Name != nameof(DataSetOptions.Progress)); // left out
        Assert.All(ofRows, property => Assert.Contains(property.PropertyType, printed));
        Assert.All(
            typeof(RowTemplate).GetProperties(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance),
            property => Assert.True(
                property.PropertyType == typeof(PromptTemplate) || property.Name is "MessagesColumn" or "EqualityContract", property.Name));
        Assert.Contains("User = a{{}} {b}", $"{new DataSetOptions { Template = new(null, new("a{{}} { b }"), new("c")) }}");

        Type[] ofExamples = [typeof(int?), typeof(PackingStrategy), typeof(bool?), typeof(bool)];
        Assert.All(typeof(ExampleOptions).GetProperties(), property => Assert.Contains(property.PropertyType, ofExamples));
    }

    [Fact]
    public void Join_PutsRowsOneAfterTheOther()
    {
        var first = DataSet.Load(Write("text", 5), Options(true, true));
        var second = DataSet.Load(Write("pair", 3), Options(false, true));
        var joined = DataSet.Join([first.Select(2), second, first.Pick([4, 0])]);
        DataRow[] expected = [.. first.Rows.Take(2), .. second.Rows, first.Rows[4], first.Rows[0]];
        Assert.Equal(expected, joined.Rows);
        Assert.Equal([0, 0, 1, 1, 1, 2, 2], Enumerable.Range(0, joined.Count).Select(joined.PartOf));
        Assert.NotNull(joined.ContentHash());
        Assert.NotEqual(joined.ContentHash(), DataSet.Join([first.Select(2), second, first.Pick([0, 4])]).ContentHash());
        Assert.Null(DataSet.Join([first, new DataSet([new TextRow("x")])]).ContentHash());
    }

    [Fact]
    public void Errors_NameFileAndLine_OfSpilledRows()
    {
        string path = Write("text");
        File.AppendAllText(path, "\n{\"text\":\"\u9999\"}\n");
        var error = Assert.Throws<LapidaryException>(() => Prepare(DataSet.Load(path, Options(true, false)).Shuffle(2)));
        Assert.StartsWith($"{path} line 302: expected input_ids", error.Message, StringComparison.Ordinal);
    }
}
