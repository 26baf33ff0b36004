using System.Diagnostics;
using Lapidary.Formats;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Patterns of data_files, after fsspec.</summary>
public class FilePatternTests
{
    [Theory]
    [InlineData("data/train-*", "data/train-00000-of-00001.parquet", true)]
    [InlineData("data/train-*", "data/train-x/a.parquet", false)]
    [InlineData("*.csv", "a.csv", true)]
    [InlineData("*.csv", "data/a.csv", false)]
    [InlineData("**/*.csv", "a.csv", true)]
    [InlineData("**/*.csv", "x/y/a.csv", true)]
    [InlineData("data/**", "data/x/y/a.csv", true)]
    [InlineData("data/**", "data/a.csv", true)]
    [InlineData("data/**", "data", false)]
    [InlineData("data/**/a.csv", "data/a.csv", true)]
    [InlineData("data/**/a.csv", "data/x/a.csv", true)]
    [InlineData("data/**/a.csv", "data/xa.csv", false)]
    [InlineData("**", "x/a.csv", true)]
    [InlineData("a?.csv", "ab.csv", true)]
    [InlineData("a?.csv", "a/.csv", false)]
    [InlineData("[ab].csv", "a.csv", true)]
    [InlineData("[!ab].csv", "a.csv", false)]
    [InlineData("[!ab].csv", "c.csv", true)]
    [InlineData("[a-c]*.csv", "b1.csv", true)]
    [InlineData("[c-a].csv", "b.csv", false)]
    [InlineData("[]].csv", "].csv", true)]
    [InlineData("[.csv", "[.csv", true)]
    [InlineData("x-[0-9][0-9].csv", "x-07.csv", true)]
    [InlineData("a.csv", "a.csv", true)]
    [InlineData("./a.csv", "a.csv", true)]
    [InlineData("a.csv", "A.csv", false)]
    [InlineData("a+(b)$.csv*", "a+(b)$.csv", true)]
    [InlineData("*", ".hidden.csv", false)]
    [InlineData(".*", ".hidden.csv", true)]
    [InlineData("**", ".hidden/a.csv", false)]
    [InlineData(".hidden/*", ".hidden/a.csv", true)]
    [InlineData("*/a.csv", "__pycache__/a.csv", false)]
    [InlineData("__*/a.csv", "__pycache__/a.csv", true)]
    [InlineData("**", "__x.csv", true)]
    public void Matches_AsFsspecDoes(string pattern, string file, bool expected) =>
        Assert.Equal(expected, new FilePattern(pattern, "place").Matches(file));

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../x.csv")]
    [InlineData("a/../../x.csv")]
    [InlineData("C:/x.csv")]
    [InlineData("a\\b.csv")]
    [InlineData("https://elsewhere/x.csv")]
    [InlineData("hf://datasets/a/b/x.csv")]
    [InlineData("a**b")]
    [InlineData("a\nb")]
    public void Patterns_DoNotLeadOutside(string pattern) => Assert.Contains(
        "place: expected", Assert.Throws<LapidaryException>(() => new FilePattern(pattern, "place")).Message, StringComparison.Ordinal);

    [Fact]
    public void Matches_TakesTimeInProportionToTheName()
    {
        var pattern = new FilePattern(string.Concat(Enumerable.Repeat("*a", 200)) + "b", "place");
        var deep = new FilePattern(string.Concat(Enumerable.Repeat("**/", 100)) + "b", "place");
        string name = new('a', 200), path = string.Concat(Enumerable.Repeat("a/", 100)) + "c";
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 50; i++) Assert.False(pattern.Matches(name) || deep.Matches(path));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed}");
        Assert.Throws<LapidaryException>(() => new FilePattern(new string('*', 5000), "place"));
    }
}
