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

    /// <summary>A prompt gives the same bits in one step, in pieces and token by token, in a ring too.</summary>
    [Theory]
    [InlineData(4, 1, 64, int.MaxValue, 400)]
    [InlineData(2, 2, 34, int.MaxValue, 400)]
    [InlineData(3, 1, 10, 150, 150 + 299)]
    [InlineData(4, 2, 16, 30, 30 + 299)]
    public void Attention_OfAPrompt_HasTheSameBitsInAnyPieces(int heads, int kvHeads, int headDim, int window, int capacity)
    {
        const int Tokens = 400;
        using var run = new CpuRun();
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        Tensor q = run.Normal(1, Tokens, heads * headDim);
        Tensor k = run.Normal(1, Tokens, kvHeads * headDim), v = run.Normal(1, Tokens, kvHeads * headDim);
        byte[][] outputs = [.. new[] { 300, 100, 17, 1 }.Select(InPiecesOf)];
        Assert.All(outputs, output => Assert.Equal(outputs[0], output));

        byte[] InPiecesOf(int piece)
        {
            Tensor keys = run.New(2, capacity, kvHeads * headDim), values = run.New(2, capacity, kvHeads * headDim);
            var o = run.New(Tokens, heads * headDim);
            for (int first = 0; first < Tokens; first += piece)
            {
                int count = Math.Min(piece, Tokens - first);
                Tensor slots = run.Ints([.. Enumerable.Repeat(1, count)]), positions = run.Ints([.. Enumerable.Range(first, count)]);
                run.Backend.KvAppend(k.Rows(first, count), v.Rows(first, count), slots, positions, keys, values);
                run.Backend.CachedAttention(q.Rows(first, count), slots, positions, keys, values, shape, o.Rows(first, count));
            }

            return Close.Bytes(o);
        }
    }

    [Fact]
    public void Attention_OfManyTexts_HasTheSameBitsAlone()
    {
        const int Texts = 70;
        using var run = new CpuRun();
        var shape = new AttentionShape(4, 1, 32, Window: 200, 0.2f);
        int[] slots = [.. Enumerable.Range(0, Texts).Select(i => i % 7 == 3 ? -1 : i % 5)];
        int[] positions = [.. Enumerable.Range(0, Texts).Select(i => i * 37 % 300)];
        Tensor q = run.Normal(1, Texts, 128), keys = run.Normal(1, 5, 300, 32), values = run.Normal(1, 5, 300, 32);
        Tensor together = run.New(Texts, 128), alone = run.New(1, 128);
        run.Backend.CachedAttention(q, run.Ints(slots), run.Ints(positions), keys, values, shape, together);
        for (int row = 0; row < Texts; row++)
        {
            run.Backend.CachedAttention(q.Rows(row, 1), run.Ints(slots[row]), run.Ints(positions[row]), keys, values, shape, alone);
            Assert.Equal(Close.Bytes(alone), Close.Bytes(together.Rows(row, 1)));
        }
    }

    [Fact]
    public void Attention_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var shape = new AttentionShape(4, 1, 34, int.MaxValue, 0.2f);
        var o = run.New(1, 136);
        Tensor q = run.Normal(1, 1, 136), keys = run.Normal(1, 1, 700, 34), values = run.Normal(1, 1, 700, 34);
        run.Backend.CachedAttention(q, run.Ints(0), run.Ints(650), keys, values, shape, o);
        var prompt = run.New(200, 136);
        int[] slots = new int[200], positions = [.. Enumerable.Range(450, 200)];
        run.Backend.CachedAttention(run.Normal(1, 200, 136), run.Ints(slots), run.Ints(positions), keys, values, shape, prompt);
        return [o, prompt];
    });

    [Fact]
    public void Attention_AllocatesNothing()
    {
        using var run = new CpuRun(threads: 1);
        var shape = new AttentionShape(4, 1, 32, int.MaxValue, 0.2f);
        Tensor q = run.Normal(1, 2, 128), k = run.Normal(1, 2, 300, 32), v = run.Normal(1, 2, 300, 32);
        Tensor slots = run.Ints(0, 1), positions = run.Ints(299, 150), o = run.New(2, 128);
        Close.AllocatesNothing(() => run.Backend.CachedAttention(q, slots, positions, k, v, shape, o));
    }
}
