namespace Lapidary.Engine.Tests.Cpu;

public class CachedAttentionTests
{
    [Theory]
    [InlineData(1, 4, 1, 32, int.MaxValue, 8)]
    [InlineData(8, 4, 1, 32, int.MaxValue, 8)]
    [InlineData(100, 4, 2, 10, int.MaxValue, 100)]
    [InlineData(100, 2, 2, 34, 30, 30)] // a ring that holds the window alone
    [InlineData(100, 2, 1, 34, 30, 64)]
    [InlineData(300, 4, 1, 256, int.MaxValue, 301)]
    [InlineData(300, 4, 1, 256, 200, 257)]
    public void Attention_IsThatOfTheForwardPass(int tokens, int heads, int kvHeads, int headDim, int window, int capacity)
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        Tensor q = run.Normal(1, tokens, heads * headDim);
        Tensor k = run.Normal(1, tokens, kvHeads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor o = run.New(tokens, heads * headDim), lse = run.New(heads, tokens);
        run.Backend.AttentionForward(q, k, v, run.Ints(new int[tokens]), shape, o, lse);

        // In pieces, as many tokens at a time as the ring allows without losing what the first of them sees.
        Tensor keys = run.New(3, capacity, kvHeads * headDim), values = run.New(3, capacity, kvHeads * headDim);
        var found = run.New(tokens, heads * headDim);
        int piece = capacity >= tokens ? tokens : capacity - Math.Min(window, capacity) + 1;
        for (int first = 0; first < tokens; first += piece)
        {
            int count = Math.Min(piece, tokens - first);
            Tensor slots = run.Ints([.. Enumerable.Repeat(1, count)]), positions = run.Ints([.. Enumerable.Range(first, count)]);
            run.Backend.KvAppend(k.Rows(first, count), v.Rows(first, count), slots, positions, keys, values);
            run.Backend.CachedAttention(q.Rows(first, count), slots, positions, keys, values, shape, found.Rows(first, count));
        }

        double[] expected = [.. o.AsSpan<float>().ToArray().Select(x => (double)x)];
        Close.Equal(expected, found, roundings: 60, scale: 1); // two fp32 results, each as far from the truth as AttentionTests allows
    }

    [Fact]
    public void Attention_OfARow_HasTheSameBitsAloneAndAmongOthers()
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(4, 1, 34, Window: 200, 0.2f);
        int[] slots = [2, 0, -1, 2, 1, 0], positions = [299, 0, 0, 17, 128, 127];
        Tensor q = run.Normal(1, slots.Length, 136), keys = run.Normal(1, 3, 300, 34), values = run.Normal(1, 3, 300, 34);
        Tensor together = run.New(slots.Length, 136), alone = run.New(1, 136);
        run.Backend.CachedAttention(q, run.Ints(slots), run.Ints(positions), keys, values, shape, together);
        for (int row = 0; row < slots.Length; row++)
        {
            run.Backend.CachedAttention(q.Rows(row, 1), run.Ints(slots[row]), run.Ints(positions[row]), keys, values, shape, alone);
            Assert.Equal(alone.AsSpan<float>().ToArray(), together.Rows(row, 1).AsSpan<float>().ToArray());
            if (slots[row] < 0) Assert.All(alone.AsSpan<float>().ToArray(), value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void Attention_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var shape = new AttentionShape(4, 1, 34, int.MaxValue, 0.2f);
        var o = run.New(1, 136);
        Tensor q = run.Normal(1, 1, 136), keys = run.Normal(1, 1, 700, 34), values = run.Normal(1, 1, 700, 34);
        run.Backend.CachedAttention(q, run.Ints(0), run.Ints(650), keys, values, shape, o);
        return [o];
    });

    [Fact]
    public void Attention_AllocatesNothing()
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(4, 1, 32, int.MaxValue, 0.2f);
        Tensor q = run.Normal(1, 2, 128), k = run.Normal(1, 2, 300, 32), v = run.Normal(1, 2, 300, 32);
        Tensor slots = run.Ints(0, 1), positions = run.Ints(299, 150), o = run.New(2, 128);
        Close.AllocatesNothing(() => run.Backend.CachedAttention(q, slots, positions, k, v, shape, o));
    }
}
