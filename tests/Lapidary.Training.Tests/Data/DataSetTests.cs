using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Tests.Data;

public class DataSetTests
{
    private static DataSet Numbers(int count) => new(Enumerable.Range(0, count).Select(i => new TextRow($"{i}")));

    private static int[] Texts(DataSet data) => [.. RowText.Of(data).Select(int.Parse)];

    /// <summary>First outputs of the public splitmix64 for seed 1234567.</summary>
    [Fact]
    public void Next_IsSplitMix64()
    {
        var random = new StableRandom(1234567);
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423];
        foreach (ulong value in expected) Assert.Equal(value, random.Next());
    }

    [Fact]
    public void Shuffle_NeverChanges()
    {
        Assert.Equal(PinnedShuffle, Texts(Numbers(12).Shuffle(42)));
        Assert.NotEqual(Texts(Numbers(100).Shuffle(1)), Texts(Numbers(100).Shuffle(2)));
    }

    [Fact]
    public void Shuffle_MakesEveryOrderAboutAsOften()
    {
        int[] counts = new int[6];
        for (int seed = 0; seed < 6000; seed++)
        {
            int[] order = Texts(Numbers(3).Shuffle(seed));
            counts[(order[0] * 2) + (order[1] > order[2] ? 1 : 0)]++;
        }

        Assert.All(counts, x => Assert.InRange(x, 850, 1150));
    }

    [Fact]
    public void Select_TakesTheFirst()
    {
        Assert.Equal([0, 1, 2], Texts(Numbers(5).Select(3)));
        Assert.Throws<LapidaryException>(() => Numbers(5).Select(6));
        Assert.Throws<LapidaryException>(() => Numbers(5).Select(0));
    }

    [Theory]
    [InlineData(12500, 0.2, 2500)]
    [InlineData(100, 0.07, 7)]
    [InlineData(10, 0.01, 1)]
    [InlineData(10, 0.25, 3)]
    [InlineData(10, 9, 9)]
    public void TrainTestSplit_IsDisjointAndComplete(int count, double size, int expected)
    {
        var (train, test) = Numbers(count).TrainTestSplit(size, 5);
        Assert.Equal(expected, test.Count);
        Assert.Equal(Enumerable.Range(0, count), Texts(train).Concat(Texts(test)).Order());
    }

    [Theory]
    [InlineData(10)]
    [InlineData(0)]
    [InlineData(-0.5)]
    [InlineData(2.5)]
    [InlineData(double.NaN)]
    public void TrainTestSplit_RefusesEmptySets(double size) => Assert.Throws<LapidaryException>(() => Numbers(10).TrainTestSplit(size, 5));

    [Fact]
    public void Rows_AreAPermutationThatSeedAndEpochAloneDecide()
    {
        var order = new EpochOrder(12, 42);
        int[] first = order.Rows(0).ToArray(), second = order.Rows(1).ToArray();
        Assert.Equal(PinnedEpoch, first);
        Assert.Equal(Enumerable.Range(0, 12), second.Order());
        Assert.NotEqual(first, second);
        Assert.Equal(second, new EpochOrder(12, 42).Rows(1).ToArray());
        Assert.Equal(first, order.Rows(0).ToArray());
        Assert.NotEqual(first, new EpochOrder(12, 43).Rows(0).ToArray());
        Assert.Equal(Enumerable.Range(0, 12), new EpochOrder(12, 42, shuffle: false).Rows(3).ToArray());
    }

    // From a separate implementation of the documented algorithm in Python.
    private static readonly int[] PinnedShuffle = [9, 7, 11, 5, 4, 10, 6, 0, 3, 2, 1, 8];
    private static readonly int[] PinnedEpoch = [2, 5, 4, 3, 8, 6, 9, 11, 0, 10, 1, 7];
}
