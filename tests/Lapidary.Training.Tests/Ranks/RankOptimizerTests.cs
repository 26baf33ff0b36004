using Lapidary.Engine;
using Lapidary.Engine.Distributed;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Tests.Ranks;

/// <summary>An update that ranks do together.</summary>
public class RankOptimizerTests
{
    /// <summary>The norm of parts, and of their norms, is that of the whole. Counts: parts and a rest; as many as divide with padding;
    /// parts and a rest of padding; too few to cut.</summary>
    [Theory]
    [InlineData(1000)]
    [InlineData(380)]
    [InlineData(197)]
    [InlineData(100)]
    public void Step_IsThatOfOneRank(int count)
    {
        float[] Values(int worldSize)
        {
            var results = OnRanks(worldSize, count, (optimizer, all, rank) =>
            {
                for (int step = 1; step < 4; step++)
                {
                    Fill(all, i => (i % 7 - 3f) / worldSize, optimizer, worldSize);
                    var (norm, applied) = optimizer.Step(0.01, step);
                    double expected = Math.Sqrt(Enumerable.Range(0, count).Sum(i => Math.Pow(i % 7 - 3, 2)) + 17 * 4);
                    Assert.Equal(expected, norm, 1e-5 * expected);
                    Assert.True(applied);
                }
            });
            Assert.All(results, result => Assert.Equal(results[0], result));
            return results[0];
        }

        float[] one = Values(1), three = Values(3);
        for (int i = 0; i < one.Length; i++) Assert.Equal(one[i], three[i], 1e-6f);
    }

    [Theory]
    [InlineData(float.NaN, 0)]
    [InlineData(float.PositiveInfinity, 700)]
    [InlineData(float.NegativeInfinity, 999)]
    public void Step_OfABadGradientOnOneRank_ChangesNothingOnAny(float bad, int at)
    {
        float[][] before = OnRanks(3, 1000, (optimizer, all, _) =>
        {
            Fill(all, _ => 0.25f, optimizer, 3);
            Assert.True(optimizer.Step(0.01, 1).Applied);
        });
        float[][] after = OnRanks(3, 1000, (optimizer, all, rank) =>
        {
            Fill(all, _ => 0.25f, optimizer, 3);
            Assert.True(optimizer.Step(0.01, 1).Applied);
            Fill(all, i => rank == 1 && i == at ? bad : 0.25f, optimizer, 3);
            Assert.False(optimizer.Step(0.01, 2).Applied);
        });
        Assert.Equal(before, after);
    }

    private static void Fill(ParameterBlock[] blocks, Func<int, float> gradient, AdamWOptimizer optimizer, int worldSize)
    {
        optimizer.ZeroGradients();
        var large = blocks[1].Parameters[0].Gradient!.AsSpan<float>();
        for (int i = 0; i < large.Length; i++) large[i] = gradient(i);
        foreach (var parameter in blocks[0].Parameters) parameter.Gradient!.AsSpan<float>().Fill(2f / worldSize);
    }

    private static float[][] OnRanks(int worldSize, int count, Action<AdamWOptimizer, ParameterBlock[], int> act)
    {
        var groups = ThreadGroup.Create(worldSize);
        var results = new float[worldSize][];
        Exception? error = null;
        Thread[] threads = [.. groups.Select(group => new Thread(() =>
        {
            try
            {
                using var backend = new CpuBackend(threads: 1);
                using var region = new MemoryRegion(backend.Memory, MemoryOwner.Parameters);
                ParameterBlock[] blocks =
                [
                    new([("a", [10]), ("b", [7])], region, region),
                    new([("w", [count])], region, region),
                ];
                ICommunicator communicator = worldSize == 1 ? SilentCommunicator.Solo : new ThreadCommunicator(group);
                using var optimizer = new AdamWOptimizer(blocks, new(), maxGradNorm: 0.5f, backend, communicator);
                act(optimizer, blocks, group.Rank);
                results[group.Rank] = [.. blocks.SelectMany(block => block.Values.AsSpan<float>().ToArray())];
            }
            catch (Exception e)
            {
                error ??= e;
                group.Fail("gone");
            }
        }))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Null(error);
        return results;
    }
}
