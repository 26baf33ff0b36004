using Lapidary.Engine.Distributed.Mpi;

namespace Lapidary.Engine.Tests.Distributed;

public sealed unsafe class RankSumTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Sum_IsInTheOrderOfTheParts_AtEveryLength(int ranks)
    {
        var random = new Random(7);
        for (int count = 1; count < 100; count++)
        {
            float[] parts = [.. Enumerable.Range(0, ranks * count).Select(_ => random.NextSingle() * (1 << random.Next(12)))];
            float[] expected = parts[..count], sum = new float[count];
            for (int i = count; i < parts.Length; i++) expected[i % count] += parts[i];
            fixed (float* from = parts, to = sum)
            {
                RankSum.Of(from, ranks, count, to);
                Assert.Equal(expected, sum);
                RankSum.Of(from, ranks, count, from);
                Assert.Equal(expected, parts[..count]);
            }
        }
    }
}
