using Lapidary.TextToSql.Comparing;

namespace Lapidary.TextToSql.Tests.Scoring;

public class BagTests
{
    [Fact]
    public void ShuffledRows_AreEqual_OneChangedIsNot()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var rows = Enumerable.Range(0, 1 + (seed * 3)).Select(_ => new object?[]
            {
                random.Next(4) == 0 ? null : (object)(long)random.Next(5), 1 + (random.Next(3) * 1e-7), "t" + random.Next(3), Math.Sqrt(random.Next(9)),
            }).ToList();
            var shuffled = rows.Select(row => new object?[] { row[0], (double)row[1]! * (1 + 1e-8), row[2], row[3] }).ToList();
            random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(shuffled));
            Assert.True(Bags.Contain(shuffled, rows, 4));
            Assert.True(Bags.Contain(rows, shuffled, 4));
            shuffled[0][3] = -1.0;
            Assert.False(Bags.Contain(shuffled, rows, 4));
        }
    }

    /// <summary>The first of two near numbers must not take the place that only the second one fits.</summary>
    [Fact]
    public void Tolerance_IsMatched_NotTakenInTurn()
    {
        const double step = 0.8e-6;
        List<object?[]> a = [[1.0, 5L], [1.0 + step, 5L], [1.0 + (2 * step), 5L]];
        List<object?[]> b = [[1.0 + step, 5L], [1.0 + (2 * step), 5L], [1.0 + (3 * step), 5L]];
        Assert.True(Bags.Contain(a, b, 2));

        // Sorted by the first column, the second ones do not meet.
        List<object?[]> c = [[1.0, 1.0], [1.0 + 1e-8, 9.0]], d = [[1.0, 9.0], [1.0 + 1e-8, 1.0]];
        Assert.True(Bags.Contain(c, d, 2));
        List<object?[]> far = [[1.0], [1.0], [1.1]], near = [[1.0], [1.1], [1.1]];
        Assert.False(Bags.Contain(far, near, 1));
    }

    [Theory]
    [InlineData(1L, 1.0, true)]
    [InlineData(0.0, -0.0, true)]
    [InlineData(0L, 1e-9, false)]
    [InlineData(1e300, 1.0000001e300, true)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity, true)]
    [InlineData(double.PositiveInfinity, 1e308, false)]
    [InlineData(long.MaxValue, long.MaxValue - 1, false)]
    [InlineData("1", 1L, false)]
    [InlineData("a", "a ", false)]
    [InlineData(null, null, true)]
    [InlineData(null, 0L, false)]
    public void Cells_Match(object? a, object? b, bool match)
    {
        Assert.Equal(match, Cells.Match(a, b));
        Assert.Equal(match, Cells.Match(b, a));
    }
}
