using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Tests.Sources;

/// <summary>What users name: paths, ids, splits.</summary>
public class DataSetNameTests
{
    [Theory]
    [InlineData("org/name", "org/name", null, null)]
    [InlineData("org/name@v1.0", "org/name", "v1.0", null)]
    [InlineData("org/name:test", "org/name", null, "test")]
    [InlineData("org/name@refs/pr/1:train[:10]", "org/name", "refs/pr/1", "train[:10]")]
    [InlineData("org/name:train+validation[90%:]", "org/name", null, "train+validation[90%:]")]
    public void Parse_TakesIds(string text, string id, string? revision, string? split)
    {
        var name = DataSetName.Parse(text);
        Assert.True(name.IsId);
        Assert.Equal((id, revision, split), (name.Path, name.Revision, name.Split?.ToString()));
        Assert.Equal(text, name.ToString());
    }

    [Theory]
    [InlineData("rows.jsonl")]
    [InlineData("folder/rows.parquet")]
    [InlineData("folder/rows.csv.gz")]
    [InlineData("squad")]
    [InlineData("C:\\data\\train")]
    [InlineData("/data/train")]
    [InlineData("a/b/c")]
    [InlineData("../name")]
    [InlineData("org/na--me")]
    public void Parse_TakesWhatIsNoIdForAPath(string text)
    {
        var name = DataSetName.Parse(text);
        Assert.Equal((text, false, null), (name.Path, name.IsId, name.Split));
    }

    [Fact]
    public void Parse_PutsWhatIsOnDiskFirst()
    {
        string folder = Fixtures.TemporaryFolder();
        string inner = Path.Combine(folder, "org", "name");
        Directory.CreateDirectory(inner);
        File.WriteAllText(Path.Combine(folder, "rows:train"), "");
        Assert.Equal((inner, false, null), Parts(DataSetName.Parse(inner)));
        Assert.Equal((inner, false, "test[5:]"), Parts(DataSetName.Parse($"{inner}:test[5:]")));
        Assert.Equal((Path.Combine(folder, "rows:train"), false, null), Parts(DataSetName.Parse(Path.Combine(folder, "rows:train"))));
        Assert.Equal((Path.Combine(folder, "*.csv"), false, "train"), Parts(DataSetName.Parse(Path.Combine(folder, "*.csv:train"))));
        Directory.Delete(folder, recursive: true);

        static (string, bool, string?) Parts(DataSetName name) => (name.Path, name.IsId, name.Split?.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("org/name:")]
    [InlineData("org/name:train[")]
    [InlineData("org/name:my-split")]
    public void Parse_RefusesOthers(string text) =>
        Assert.Contains("expected", Assert.Throws<LapidaryException>(() => DataSetName.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("train", 10, 0, 10)]
    [InlineData("train[:3]", 10, 0, 3)]
    [InlineData("train[3:]", 10, 3, 10)]
    [InlineData("train[2:5]", 10, 2, 5)]
    [InlineData("train[:]", 10, 0, 10)]
    [InlineData("train[:100]", 10, 0, 10)]
    [InlineData("train[20:]", 10, 10, 10)]
    [InlineData("train[5:2]", 10, 5, 5)]
    [InlineData("train[-3:]", 10, 7, 10)]
    [InlineData("train[:-3]", 10, 0, 7)]
    [InlineData("train[-20:5]", 10, 0, 5)]
    [InlineData("train[:1_000]", 2000, 0, 1000)]
    [InlineData("train[90%:]", 5851, 5266, 5851)]
    [InlineData("train[:10%]", 25, 0, 2)]
    [InlineData("train[:50%]", 7, 0, 4)]
    [InlineData("train[-10%:]", 50, 45, 50)]
    [InlineData("train[10%:20%]", 100_000, 10_000, 20_000)]
    [InlineData("train_sft.v2[:1]", 5, 0, 1)]
    public void Of_IsTheSliceOfDatasets(string text, long count, long first, long end) =>
        Assert.Equal((first, end), SplitExpression.Parse(text).Parts.Single().Of(count));

    [Theory]
    [InlineData("train[101%:]")]
    [InlineData("train[1]")]
    [InlineData("train[1:2:3]")]
    [InlineData("train[1.5:]")]
    [InlineData("train[:99999999999999999999]")]
    [InlineData("+train")]
    [InlineData("train++test")]
    [InlineData("tra in")]
    [InlineData("a/b")]
    public void TryParse_KnowsWhatIsNone(string text) => Assert.Null(SplitExpression.TryParse(text));

    [Fact]
    public void TryParse_TakesSums()
    {
        var both = SplitExpression.Parse("train + validation[:10%]");
        Assert.Equal(["train", "validation"], both.Parts.Select(part => part.Split));
        Assert.Equal("train+validation[:10%]", both.ToString());
        Assert.Null(SplitExpression.TryParse(string.Join('+', Enumerable.Repeat("a", 1000))));
    }
}
