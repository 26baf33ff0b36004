using Lapidary.Engine.Tests.Cpu;
using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceAttentionTests
{
    /// <summary>Document lengths, heads, kvHeads, headDim, window: those of the CPU's tests.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [.. AttentionTests.Cases.Cast<ITheoryDataRow>().Select(row => row.GetData().Select(value => value!).ToArray())]);

    /// <summary>Tokens, heads, kvHeads, headDim, window, capacity.</summary>
    public static IEnumerable<object[]> DecodeCases => DeviceRun.Each(
        [1, 4, 1, 32, int.MaxValue, 8], [8, 4, 1, 32, int.MaxValue, 8], [100, 4, 2, 10, int.MaxValue, 100], [100, 2, 2, 34, 30, 30],
        [100, 2, 1, 34, 30, 64], [300, 4, 1, 256, int.MaxValue, 301], [300, 4, 1, 256, 200, 257]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ForwardAndBackward_MatchPlainAttention(string device, int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        int tokens = lengths.Sum();
        int[] starts = [.. lengths.SelectMany((length, i) => Enumerable.Repeat(lengths.Take(i).Sum(), length))];
        Tensor documentStarts = run.Ints(starts), q = run.Normal(1, tokens, heads * headDim), dO = run.Normal(1, tokens, heads * headDim);
        Tensor k = run.Normal(1, tokens, kvHeads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor o = run.New(tokens, heads * headDim), lse = run.New(DType.Float32, heads, tokens), dq = run.New(tokens, heads * headDim);
        Tensor dk = run.New(tokens, kvHeads * headDim), dv = run.New(tokens, kvHeads * headDim);

        run.Backend.AttentionForward(q, k, v, documentStarts, shape, o, lse);
        run.Backend.AttentionBackward(dO, q, k, v, o, lse, documentStarts, shape, dq, dk, dv);

        var expected = new AttentionReference(run.Doubles(q), run.Doubles(k), run.Doubles(v), starts, shape, run.Doubles(dO));
        run.AssertClose(expected.O, o);
        run.AssertClose(expected.Lse, lse, 1e-3);
        run.AssertClose(expected.Dv, dv);
        if (tokens == lengths.Length || window == 1)
        {
            // Every token sees itself alone: these gradients are zero but for the rounding of o.
            Assert.All([.. run.Doubles(dq), .. run.Doubles(dk)], value => Assert.InRange(value, -0.1, 0.1));
            return;
        }

        run.AssertClose(expected.Dq, dq, 2 * run.Tolerance);
        run.AssertClose(expected.Dk, dk, 2 * run.Tolerance);
    }

    [Theory]
    [MemberData(nameof(DecodeCases))]
    public void Decode_IsTheLastRowOfPlainAttention(string device, int tokens, int heads, int kvHeads, int headDim, int window, int capacity)
    {
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        Tensor q = run.Normal(1, tokens, heads * headDim), last = run.New(1, heads * headDim);
        Tensor k = run.Normal(1, tokens, kvHeads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor keys = run.New(capacity, kvHeads * headDim), values = run.New(capacity, kvHeads * headDim);
        int prompt = tokens / 2; // a prompt, then token by token
        if (prompt > 0) run.Backend.KvAppend(k.Rows(0, prompt), v.Rows(0, prompt), run.Ints(0), keys, values);
        for (int t = prompt; t < tokens; t++) run.Backend.KvAppend(k.Rows(t, 1), v.Rows(t, 1), run.Ints(t), keys, values);
        run.Backend.AttentionDecode(q.Rows(tokens - 1, 1), keys, values, run.Ints(tokens - 1), shape, last);
        var expected = new AttentionReference(run.Doubles(q), run.Doubles(k), run.Doubles(v), new int[tokens], shape);
        run.AssertClose(expected.O[^(heads * headDim)..], last);
    }
}
