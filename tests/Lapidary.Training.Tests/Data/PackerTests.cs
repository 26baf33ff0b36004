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
        var rows = Packer.Pack(ExampleSet.Of(examples), strategy, 32);
        var documents = rows.Documents();
        for (int row = 0; row < rows.Count; row++)
        {
            Assert.InRange(rows.Tokens[row], 1, 32);
            Assert.Equal(rows.Tokens[row], documents[row].Sum(x => x.Length));
        }

        int[] all = [.. documents.SelectMany(x => x).SelectMany(x => rows.Read(x).InputIds)];
        int[] given = [.. examples.SelectMany(x => x.InputIds)];
        Assert.Equal(given.Order(), all.Order());
        if (strategy == PackingStrategy.Wrapped) Assert.Equal(given, all);
        Assert.All(documents.SelectMany(x => x), x => Assert.Equal(x.Example, rows.Read(x).InputIds[0] / 1000));
        Assert.All(documents.SelectMany(x => x).Select(rows.Read), x => Assert.Equal(x.InputIds, x.Labels));
    }

    [Fact]
    public void Pack_Wrapped_CutsDocumentsAtTheEndOfARow()
    {
        var rows = Packer.Pack(ExampleSet.Of([Numbered(0, 3), Numbered(1, 6), Numbered(2, 2)]), PackingStrategy.Wrapped, 4);
        Assert.Equal("0 1 2; 1000 | 1001 1002 1003 1004 | 1005; 2000 2001", string.Join(" | ", rows.Documents().Select(row => string.Join(
            "; ", row.Select(x => string.Join(' ', rows.Read(x).InputIds))))));
        Assert.Equal([2, 3, 1], rows.Trained);
    }

    [Fact]
    public void Pack_Bfd_CutsWhatIsTooLong()
    {
        var set = ExampleSet.Of([Numbered(0, 9)]);
        var rows = Packer.Pack(set, PackingStrategy.Bfd, 4);
        Assert.Equal([0, 1, 2, 3], rows.Read(rows.Documents().Single().Single()).InputIds);
        Assert.Throws<LapidaryException>(() => Packer.Pack(set, PackingStrategy.Bfd, null));
    }

    private static Example Numbered(int number, int length)
    {
        int[] ids = [.. Enumerable.Range(number * 1000, length)];
        return new(ids, ids);
    }

    private static string Text((int[] Starts, int[] Items) bins) =>
        Text([.. bins.Starts.Zip(bins.Starts.Skip(1)).Select(bin => bins.Items[bin.First..bin.Second].ToList())]);

    private static string Text(List<List<int>> bins) => string.Join(" | ", bins.Select(x => string.Join(',', x)));
}
