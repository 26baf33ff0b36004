using Lapidary.Tests;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Tests.Data;

/// <summary>Examples are read in parts, and into buffers that stay.</summary>
public sealed class ExampleReaderTests : KeptRows
{
    [Theory]
    [InlineData(1000, 2)]
    [InlineData(262_144, 3)]
    [InlineData(int.MaxValue, 4)]
    public void ExampleReader_ReadsPartsOfExamples(int vocabulary, int width)
    {
        var random = new Random(vocabulary);
        Example[] examples = [.. Enumerable.Range(0, 60).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(vocabulary))];
            return new Example(ids, (i % 4) switch
            {
                0 => ids,
                1 => [.. ids.Select((id, j) => j < 5 ? -100 : id)],
                2 => [.. ids.Select(id => random.Next(2) == 0 ? -100 : id)],
                _ => [.. ids.Select(_ => random.Next(3) == 0 ? -100 : random.Next(vocabulary))],
            });
        })];
        var writer = new ExampleWriter(vocabulary, new StorageLimits { MemoryBytes = 0 }, null);
        for (int i = 0; i < examples.Length; i++) writer.Add(examples[i], i);
        var set = writer.Build();
        Assert.Equal(width, set.Width.Bytes);
        var reader = new ExampleReader(set);
        for (int i = 0; i < examples.Length; i++)
        {
            Assert.Equal(examples[i].TrainedTokens, set.Trained[i]);
            for (int start = 0; start < examples[i].InputIds.Length; start++)
            {
                int length = random.Next(1, examples[i].InputIds.Length - start + 1);
                int[] ids = new int[length], labels = new int[length];
                reader.Read(i, start, ids, labels);
                Assert.Equal(examples[i].InputIds[start..(start + length)], ids);
                Assert.Equal(examples[i].Labels[start..(start + length)], labels);
            }
        }
    }

    /// <summary>Of a spilled set, too.</summary>
    [Fact]
    public void Batch_AllocatesNothingOnceASizeIsThere()
    {
        var packed = Prepare(DataSet.Load(Write("pair"), Options(true, false))).Packed;
        int[] some = [0, 1, 2];
        Assert.Equal(0, ManagedMemory.FewestBytes(() => packed.Batch(some), times: 100));
    }
}
