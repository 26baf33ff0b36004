using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cpu;

public class AttentionTests
{
    /// <summary>Document lengths, heads, kvHeads, headDim, window.</summary>
    public static TheoryData<int[], int, int, int, int> Cases => new()
    {
        { [1], 1, 1, 10, int.MaxValue },
        { [2], 2, 1, 34, int.MaxValue },
        { [17], 3, 3, 32, 1 },
        { [63], 4, 1, 256, int.MaxValue },
        { [64], 4, 2, 128, int.MaxValue },
        { [65], 4, 4, 34, 64 },
        { [129], 4, 1, 32, 5 },
        { [200], 8, 2, 10, 100 },
        { [257], 6, 2, 32, 65 },
        { [1, 1, 1], 2, 1, 32, int.MaxValue },
        { [1, 62, 1, 1, 63, 1], 4, 1, 32, int.MaxValue },
        { [64, 64, 30], 4, 2, 32, int.MaxValue },
        { [100, 3, 90], 16, 1, 34, 20 },
        { [130, 1, 127], 2, 2, 64, 128 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_MatchesPlainAttention(int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        var (q, k, v, starts) = Inputs(run, lengths, shape);
        Tensor o = run.New([.. q.Shape]), lse = run.New(heads, lengths.Sum());

        run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);

        var expected = new AttentionReference(
            CpuRun.Doubles(q), CpuRun.Doubles(k), CpuRun.Doubles(v), starts.AsSpan<int>().ToArray(), shape);
        Close.Equal(expected.O, o, Roundings(headDim), scale: 1);
        Close.Equal(expected.Lse, lse, Roundings(headDim), scale: 1);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Backward_MatchesPlainAttention(int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        var (q, k, v, starts) = Inputs(run, lengths, shape);
        var dO = run.Normal(1, [.. q.Shape]);

        var (dq, dk, dv) = Backward(run, dO, q, k, v, starts, shape);

        var expected = new AttentionReference(
            CpuRun.Doubles(q), CpuRun.Doubles(k), CpuRun.Doubles(v), starts.AsSpan<int>().ToArray(), shape, CpuRun.Doubles(dO));
        Close.Equal(expected.Dq, dq, 2 * Roundings(headDim), scale: 2);
        Close.Equal(expected.Dk, dk, 2 * Roundings(headDim), scale: 2);
        Close.Equal(expected.Dv, dv, 2 * Roundings(headDim), scale: 2);
    }

    [Fact]
    public void Backward_InSeveralStrips_MatchesPlainAttention()
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(128, 128, 2, 300, 0.7f); // so many heads that 64 MiB hold three tiles of queries
        var (q, k, v, starts) = Inputs(run, [1, 300, 210, 129], shape);
        var dO = run.Normal(1, [.. q.Shape]);

        var (dq, dk, dv) = Backward(run, dO, q, k, v, starts, shape);

        var expected = new AttentionReference(
            CpuRun.Doubles(q), CpuRun.Doubles(k), CpuRun.Doubles(v), starts.AsSpan<int>().ToArray(), shape, CpuRun.Doubles(dO));
        Close.Equal(expected.Dq, dq, 2 * Roundings(64), scale: 2);
        Close.Equal(expected.Dk, dk, 2 * Roundings(64), scale: 2);
        Close.Equal(expected.Dv, dv, 2 * Roundings(64), scale: 2);
    }

    [Fact]
    public void Forward_OfLargeScores_DoesNotOverflow()
    {
        using var run = new CpuRun();
        var shape = new AttentionShape(1, 1, 32, int.MaxValue, 100f);
        var (q, k, v, starts) = Inputs(run, [90], shape);
        Tensor o = run.New([.. q.Shape]), lse = run.New(1, 90);

        run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);

        foreach (float x in o.AsSpan<float>()) Assert.InRange(x, -10f, 10f); // convex combinations of v
        foreach (float x in lse.AsSpan<float>()) Assert.True(float.IsFinite(x));
    }

    [Fact]
    public void ForwardAndBackward_HaveTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var shape = new AttentionShape(4, 2, 34, 90, 0.2f);
        var (q, k, v, starts) = Inputs(run, [70, 1, 150], shape);
        Tensor o = run.New([.. q.Shape]), lse = run.New(4, 221);
        run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);
        var (dq, dk, dv) = Backward(run, run.Normal(1, [.. q.Shape]), q, k, v, starts, shape);
        return [o, lse, dq, dk, dv];
    });

    [Fact]
    public void ForwardAndBackward_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        var shape = new AttentionShape(4, 1, 32, int.MaxValue, 0.2f);
        var (q, k, v, starts) = Inputs(run, [130], shape);
        Tensor o = run.New([.. q.Shape]), lse = run.New(4, 130);
        Tensor dq = run.New([.. q.Shape]), dk = run.New([.. k.Shape]), dv = run.New([.. k.Shape]);
        Close.AllocatesNothing(() =>
        {
            run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);
            run.Backend.AttentionBackward(o, q, k, v, o, lse, starts, shape, dq, dk, dv);
        });
    }

    /// <summary>A score is a sum of headDim products whose rounding errors grow like its root; exp turns its absolute error into a relative
    /// one, and some ten further roundings follow.</summary>
    private static double Roundings(int headDim) => 20 + 2 * Math.Sqrt(headDim);

    private static (Tensor Q, Tensor K, Tensor V, Tensor Starts) Inputs(CpuRun run, int[] lengths, AttentionShape shape)
    {
        int tokens = lengths.Sum(), start = 0;
        var starts = new List<int>();
        foreach (int length in lengths)
        {
            starts.AddRange(Enumerable.Repeat(start, length));
            start += length;
        }

        return (run.Normal(1, tokens, shape.Heads * shape.HeadDim), run.Normal(1, tokens, shape.KvHeads * shape.HeadDim),
            run.Normal(1, tokens, shape.KvHeads * shape.HeadDim), run.Ints([.. starts]));
    }

    private static (Tensor Dq, Tensor Dk, Tensor Dv) Backward(
        CpuRun run, Tensor dO, Tensor q, Tensor k, Tensor v, Tensor starts, AttentionShape shape)
    {
        Tensor o = run.New([.. q.Shape]), lse = run.New(shape.Heads, starts.Count);
        Tensor dq = run.New([.. q.Shape]), dk = run.New([.. k.Shape]), dv = run.New([.. v.Shape]);
        run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);
        run.Backend.AttentionBackward(dO, q, k, v, o, lse, starts, shape, dq, dk, dv);
        return (dq, dk, dv);
    }
}
