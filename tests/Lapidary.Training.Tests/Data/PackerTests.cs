using Lapidary.Formats;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Tests.Data;

public class PackerTests
{
    [Fact]
    public void Pack_IsBestFitDecreasing()
    {
        // By hand: 7 and 6 open rows, 4 fills the second, the first 3 fills the first, the other 3 opens a third, which 2 joins.
        Assert.Equal("1,3 | 2,4 | 5,0", Text(BestFitDecreasing.Pack([2, 7, 6, 3, 4, 3], 10)));

        // 6, 5 and 4 leave 4, 5 and, after 4 has joined 6, 0; so 1 joins 5.
        Assert.Equal("1,0 | 2,3", Text(BestFitDecreasing.Pack([4, 6, 5, 1, 0], 10)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 3)]
    [InlineData(300, 64)]
    [InlineData(300, 63)]
    [InlineData(500, 130)]
    [InlineData(200, 7)]
    public void Pack_EqualsThePlainAlgorithm(int count, int capacity)
    {
        var random = new Random(count + capacity);
        for (int trial = 0; trial < 10; trial++)
        {
            int[] lengths = [.. Enumerable.Range(0, count).Select(_ => random.Next(capacity + 1))];
            Assert.Equal(Text(Plain(lengths, capacity)), Text(BestFitDecreasing.Pack(lengths, capacity)));
        }
    }

    /// <summary>Every bin is searched; a clock tells which of equal bins came to its space first.</summary>
    private static List<List<int>> Plain(int[] lengths, int capacity)
    {
        List<(List<int> Items, int Space, int Since)> bins = [];
        int clock = 0;
        foreach (int item in Enumerable.Range(0, lengths.Length).Where(i => lengths[i] > 0).OrderByDescending(i => lengths[i]))
        {
            int best = -1;
            for (int i = 0; i < bins.Count; i++)
            {
                if (bins[i].Space < lengths[item]) continue;
                if (best < 0 || (bins[i].Space, bins[i].Since).CompareTo((bins[best].Space, bins[best].Since)) < 0) best = i;
            }

            if (best < 0)
            {
                best = bins.Count;
                bins.Add(([], capacity, 0));
            }

            bins[best].Items.Add(item);
            bins[best] = (bins[best].Items, bins[best].Space - lengths[item], ++clock);
        }

        return [.. bins.Select(x => x.Items)];
    }

    [Theory]
    [InlineData(PackingStrategy.None)]
    [InlineData(PackingStrategy.Bfd)]
    [InlineData(PackingStrategy.Wrapped)]
    public void Pack_KeepsEveryTokenOnce(PackingStrategy strategy)
    {
        var random = new Random(1);
        Example[] examples = [.. Enumerable.Range(0, 100).Select(i => Numbered(i, random.Next(1, 33)))];
        var rows = Packer.Pack(examples, strategy, 32);
        Assert.All(rows, row => Assert.InRange(row.Tokens, 1, 32));
        Assert.All(rows, row => Assert.Equal(row.Tokens, row.Documents.Sum(x => x.Ids.Length)));
        int[] all = [.. rows.SelectMany(x => x.Documents).SelectMany(x => x.Ids.ToArray())];
        int[] given = [.. examples.SelectMany(x => x.InputIds)];
        Assert.Equal(given.Order(), all.Order());
        if (strategy == PackingStrategy.Wrapped) Assert.Equal(given, all);
        Assert.All(rows.SelectMany(x => x.Documents), x => Assert.Equal(x.Example, x.Ids.Span[0] / 1000));
        Assert.All(rows.SelectMany(x => x.Documents), x => Assert.Equal(x.Ids.ToArray(), x.Labels.ToArray()));
    }

    [Fact]
    public void Pack_Wrapped_CutsDocumentsAtTheEndOfARow()
    {
        var rows = Packer.Pack([Numbered(0, 3), Numbered(1, 6), Numbered(2, 2)], PackingStrategy.Wrapped, 4);
        Assert.Equal("0 1 2; 1000 | 1001 1002 1003 1004 | 1005; 2000 2001", string.Join(" | ", rows.Select(row => string.Join(
            "; ", row.Documents.Select(x => string.Join(' ', x.Ids.ToArray()))))));
        Assert.Equal([2, 3, 1], rows.Select(x => x.TrainedTokens));
    }

    [Fact]
    public void Pack_Bfd_CutsWhatIsTooLong()
    {
        var rows = Packer.Pack([Numbered(0, 9)], PackingStrategy.Bfd, 4);
        Assert.Equal([0, 1, 2, 3], rows.Single().Documents.Single().Ids.ToArray());
        Assert.Throws<LapidaryException>(() => Packer.Pack([Numbered(0, 9)], PackingStrategy.Bfd, null));
    }

    private static Example Numbered(int number, int length)
    {
        int[] ids = [.. Enumerable.Range(number * 1000, length)];
        return new(ids, ids);
    }

    private static string Text(List<List<int>> bins) => string.Join(" | ", bins.Select(x => string.Join(',', x)));
}
