using Lapidary.Formats;
using Lapidary.Training.Tests.Data;

namespace Lapidary.Training.Tests.Sources;

/// <summary>Several data sets in one.</summary>
public class DataSetMixTests
{
    [Fact]
    public void Concatenate_IsOneAfterTheOther() =>
        Assert.Equal(["a0", "a1", "b0"], RowText.Of(DataSet.Concatenate(Set("a", 2), Set("b", 1))));

    [Theory]
    [InlineData("10 10", "0.5 0.5", "10 10", "10 10")]
    [InlineData("10 10", "7 3", "10 4", "24 10")]
    [InlineData("7 3", "0.7 0.3", "7 3", "7 3")]
    [InlineData("7000 3000", "0.7 0.3", "7000 3000", "7000 3000")]
    [InlineData("100 5", "0.9 0.1", "45 5", "101 11")]
    [InlineData("3 3 3", "1 1 1", "3 3 3", "3 3 3")]
    [InlineData("5", "1", "5", "5")]
    public void Mix_TakesShares(string counts, string shares, string first, string all)
    {
        DataSet[] sets = [.. counts.Split(' ').Select((count, i) => Set(((char)('a' + i)).ToString(), int.Parse(count)))];
        double[] parts = [.. shares.Split(' ').Select(double.Parse)];
        Assert.Equal(first, Counts(DataSet.Mix(sets, parts, seed: 1)));
        Assert.Equal(all, Counts(DataSet.Mix(sets, parts, seed: 1, MixStopping.AllExhausted)));

        static string Counts(DataSet mix) =>
            string.Join(' ', RowText.Of(mix).GroupBy(row => row[0]).OrderBy(group => group.Key).Select(group => group.Count()));
    }

    [Fact]
    public void Mix_IsSpreadEvenly_AndDrawnBySeed()
    {
        DataSet a = Set("a", 70), b = Set("b", 60);
        string[] rows = RowText.Of(DataSet.Mix([a, b], [0.7, 0.3], seed: 5));
        Assert.Equal(100, rows.Distinct().Count());
        for (int length = 10; length <= 100; length += 10)
            Assert.Equal(length * 0.7, rows.Take(length).Count(row => row[0] == 'a'), tolerance: 1);
        Assert.Equal(rows, RowText.Of(DataSet.Mix([a, b], [0.7, 0.3], seed: 5)));
        Assert.NotEqual(rows, RowText.Of(DataSet.Mix([a, b], [0.7, 0.3], seed: 6)));

        // As documented: set i in the order of Shuffle(seed + i).
        Assert.Equal(RowText.Of(a.Shuffle(5)).Take(70), rows.Where(row => row[0] == 'a'));
        Assert.Equal(RowText.Of(b.Shuffle(6)).Take(30), rows.Where(row => row[0] == 'b'));
        Assert.Equal(["a0", "b0", "a1", "a2", "b1", "a3"], RowText.Of(DataSet.Mix([a, b], [2, 1], seed: null)).Take(6));
    }

    [Fact]
    public void Mix_RepeatsRoundsInOrdersOfTheirOwn()
    {
        string[] rows = [.. RowText.Of(DataSet.Mix([Set("a", 40), Set("b", 10)], [0.5, 0.5], 1, MixStopping.AllExhausted))
            .Where(row => row[0] == 'b')];
        Assert.Equal(40, rows.Length);
        string[][] rounds = [.. rows.Chunk(10)];
        Assert.All(rounds, round => Assert.Equal(10, round.Distinct().Count()));
        Assert.Equal(4, rounds.Select(round => string.Join(' ', round)).Distinct().Count());
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1 0")]
    [InlineData("1 -1")]
    [InlineData("1 NaN")]
    [InlineData("1 1e-9")]
    public void Mix_RefusesOthers(string shares) => Assert.Contains("mix: expected", Assert.Throws<LapidaryException>(
        () => DataSet.Mix([Set("a", 3), Set("b", 3)], [.. shares.Split(' ').Select(double.Parse)], 1, MixStopping.AllExhausted)).Message,
        StringComparison.Ordinal);

    private static DataSet Set(string name, int count) => new(Enumerable.Range(0, count).Select(i => new TextRow(name + i)));
}
