using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Tests.Data;

public class BatchBuilderTests
{
    private const int No = Label.None;

    private static Example[] Row(params Example[] examples) => examples;

    /// <summary>A batch of all rows.</summary>
    private static Batch Build(BatchBuilder builder, params Example[][] rows)
    {
        var (sequences, indices, reader) = Sequences(rows);
        return builder.Build(sequences, indices, reader);
    }

    private static (PackedSequences, int[], ExampleReader) Sequences(Example[][] rows)
    {
        var set = ExampleSet.Of(rows.SelectMany(x => x));
        int[] starts = [.. Enumerable.Range(0, rows.Length + 1).Select(i => rows.Take(i).Sum(x => x.Length))];
        return (
            PackedSequences.OfBins(set, starts, [.. Enumerable.Range(0, set.Count)], int.MaxValue), [.. Enumerable.Range(0, rows.Length)],
            new ExampleReader(set));
    }

    [Fact]
    public void Build_LaysOutDocumentsOneAfterTheOther()
    {
        var batch = Build(
            new BatchBuilder(padTokenId: 9, rowTokens: 5), Row(new([10, 11, 12], [No, 11, 12]), new([20], [20])),
            Row(new Example([30, 31, 32], [30, No, 32])));
        Assert.Equal([10, 11, 12, 20, 30, 31, 32, 9, 9, 9], batch.Ids);
        Assert.Equal([11, 12, No, No, No, 32, No, No, No, No], batch.Labels);
        Assert.Equal([0, 1, 2, 0, 0, 1, 2, 0, 0, 0], batch.Positions);
        Assert.Equal([0, 0, 0, 3, 4, 4, 4, 7, 8, 9], batch.DocumentStarts);
        Assert.Equal((10, 7, 3), (batch.Tokens, batch.RealTokens, batch.TrainedTokens));
        Assert.Equal(batch.TrainedTokens, batch.Labels.Count(x => x != No));
    }

    [Fact]
    public void Build_LeavesNothingOfTheBatchBefore()
    {
        var builder = new BatchBuilder(0, 4);
        var first = Build(builder, Row(new Example([1, 2, 3, 4], [1, 2, 3, 4])));
        var second = Build(builder, Row(new Example([5, 6], [5, 6])));
        Assert.Same(first, second);
        Assert.Equal([5, 6, 0, 0], second.Ids);
        Assert.Equal([6, No, No, No], second.Labels);
        Assert.Equal([0, 1, 0, 0], second.Positions);
        Assert.Equal([0, 0, 2, 3], second.DocumentStarts);
        Assert.Throws<LapidaryException>(() => Build(builder, Row(new Example(new int[5], new int[5]))));
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(64, 64)]
    [InlineData(65, 96)]
    [InlineData(97, 128)]
    [InlineData(129, 192)]
    [InlineData(193, 256)]
    [InlineData(512, 512)]
    [InlineData(513, 768)]
    [InlineData(769, 1024)]
    [InlineData(1537, 2048)]
    public void BucketLength_RoundsUpToFewLengths(int tokens, int expected)
    {
        Assert.Equal(expected, BatchBuilder.BucketLength(tokens));
        Assert.Equal(expected, Build(new BatchBuilder(0), Row(new Example(new int[tokens], new int[tokens]))).Tokens);
    }

    [Fact]
    public void Build_AllocatesNothingOnceASizeIsThere()
    {
        var builder = new BatchBuilder(0);
        Example[][] rows =
        [
            Row(new Example(new int[40], new int[40]), new Example(new int[50], new int[50])),
            Row(new Example(new int[7], new int[7])),
        ];
        var (sequences, indices, reader) = Sequences(rows);
        Assert.Equal(0, ManagedMemory.FewestBytes(() => builder.Build(sequences, indices, reader), times: 100));
    }
}
