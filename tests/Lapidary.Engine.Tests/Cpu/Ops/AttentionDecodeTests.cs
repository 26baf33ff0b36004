namespace Lapidary.Engine.Tests.Cpu;

public class AttentionDecodeTests
{
    [Theory]
    [InlineData(1, 4, 1, 32, int.MaxValue, 8)]
    [InlineData(8, 4, 1, 32, int.MaxValue, 8)]
    [InlineData(100, 4, 2, 10, int.MaxValue, 100)]
    [InlineData(100, 2, 2, 34, 30, 30)] // a ring that holds the window alone
    [InlineData(100, 2, 1, 34, 30, 64)]
    [InlineData(300, 4, 1, 256, int.MaxValue, 301)]
    [InlineData(300, 4, 1, 256, 200, 257)]
    public void Decode_IsTheLastRowOfTheForwardPass(int tokens, int heads, int kvHeads, int headDim, int window, int capacity)
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        Tensor q = run.Normal(1, tokens, heads * headDim);
        Tensor k = run.Normal(1, tokens, kvHeads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor o = run.New(tokens, heads * headDim), lse = run.New(heads, tokens), last = run.New(1, heads * headDim);
        Tensor keys = run.New(capacity, kvHeads * headDim), values = run.New(capacity, kvHeads * headDim);
        run.Backend.AttentionForward(q, k, v, run.Ints(new int[tokens]), shape, o, lse);

        int prompt = tokens / 2; // a prompt, then token by token
        if (prompt > 0) run.Backend.KvAppend(k.Rows(0, prompt), v.Rows(0, prompt), run.Ints(0), keys, values);
        for (int t = prompt; t < tokens; t++) run.Backend.KvAppend(k.Rows(t, 1), v.Rows(t, 1), run.Ints(t), keys, values);
        run.Backend.AttentionDecode(q.Rows(tokens - 1, 1), keys, values, run.Ints(tokens - 1), shape, last);

        double[] expected = [.. o.Rows(tokens - 1, 1).AsSpan<float>().ToArray().Select(x => (double)x)];
        Close.Equal(expected, last, roundings: 60, scale: 1); // two fp32 results, each as far from the truth as AttentionTests allows
    }

    [Fact]
    public void Decode_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var shape = new AttentionShape(4, 1, 34, int.MaxValue, 0.2f);
        var o = run.New(1, 136);
        run.Backend.AttentionDecode(run.Normal(1, 1, 136), run.Normal(1, 700, 34), run.Normal(1, 700, 34), run.Ints(650), shape, o);
        return [o];
    });

    [Fact]
    public void Decode_AllocatesNothing()
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(4, 1, 32, int.MaxValue, 0.2f);
        Tensor q = run.Normal(1, 1, 128), k = run.Normal(1, 300, 32), v = run.Normal(1, 300, 32);
        Tensor position = run.Ints(299), o = run.New(1, 128);
        Close.AllocatesNothing(() => run.Backend.AttentionDecode(q, k, v, position, shape, o));
    }
}
