using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Tests.Cpu;
using Lapidary.Engine.Tests.Reference;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceAttentionTests
{
    /// <summary>Document lengths, heads, kvHeads, headDim, window: those of the CPU's tests, and several tiles of each of the GPU's head
    /// dimensions, with padding to the next.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each([
        .. AttentionTests.Cases.Cast<ITheoryDataRow>().Select(row => row.GetData().Select(value => value!).ToArray()),
        [new[] { 150 }, 2, 1, 128, 50], [new[] { 70, 80 }, 2, 1, 80, int.MaxValue], [new[] { 63, 50, 40 }, 2, 1, 256, 70],
        [new[] { 150, 70 }, 4, 1, 256, int.MaxValue], [new[] { 201 }, 4, 2, 256, int.MaxValue], [new[] { 257 }, 6, 2, 256, 65],
        [new[] { 33, 1 }, 1, 1, 192, int.MaxValue], [new[] { 70 }, 1, 1, 250, int.MaxValue],
    ]);

    /// <summary>Tokens, heads, kvHeads, headDim, window, capacity.</summary>
    /// <summary>As <see cref="Cases"/>, of the head dimension with kernels for little shared memory.</summary>
    public static IEnumerable<object[]> LargeHeads => new[] { 99, 227 }.SelectMany(kibibytes => (object[][])[
        [kibibytes, new[] { 150, 70 }, 4, 1, 256, int.MaxValue], [kibibytes, new[] { 63, 50, 40 }, 2, 1, 256, 70],
        [kibibytes, new[] { 201 }, 4, 2, 192, int.MaxValue], [kibibytes, new[] { 70 }, 1, 1, 250, int.MaxValue]]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ForwardAndBackward_MatchPlainAttention(string device, int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
        using var run = DeviceRun.On(device);
        AssertMatchPlainAttention(run, lengths, heads, kvHeads, headDim, window);
    }

    /// <summary>99 KiB a block: compute capabilities 8.6 and 8.9. 227: 9.0, whose large tiles are otherwise left to long steps.</summary>
    [Theory]
    [MemberData(nameof(LargeHeads))]
    public void ForwardAndBackward_MatchPlainAttention_InItsSharedMemory(
        int kibibytes, int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
        var thresholds = new KernelThresholds { AttentionSharedBytes = kibibytes << 10 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => new CudaBackend(0, thresholds));
        if (((CudaBackend)run.Backend).Device.MaxSharedBytesPerBlock < kibibytes << 10)
            Assert.Skip($"The device has less than {kibibytes} KiB.");
        AssertMatchPlainAttention(run, lengths, heads, kvHeads, headDim, window);
    }

    /// <summary>As many tiles of keys as the device has multiprocessors and more, so that a block of keys goes over all heads of a group;
    /// and more tiles of query rows than a block has threads.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(256)]
    public void ForwardAndBackward_MatchPlainAttention_InOneSplit(int headDim)
    {
        using var run = DeviceRun.On(TestDevice.Cuda);
        int[] lengths = [.. Enumerable.Range(0, 150).Select(i => 1 + i * 37 % 130)];
        AssertMatchPlainAttention(run, lengths, heads: 4, kvHeads: 1, headDim, window: 40);
    }

    private static void AssertMatchPlainAttention(DeviceRun run, int[] lengths, int heads, int kvHeads, int headDim, int window)
    {
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
    [InlineData("cpu", 64)]
    [InlineData("cuda", 64)]
    [InlineData("cuda", 256)]
    public void ForwardAndBackward_GiveTheSameBitsAgain(string device, int headDim)
    {
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(4, 1, headDim, 90, 1 / MathF.Sqrt(headDim));
        int hidden = 4 * headDim;
        Tensor q = run.Normal(1, 300, hidden), k = run.Normal(1, 300, headDim);
        Tensor v = run.Normal(1, 300, headDim), starts = run.Ints(new int[300]);
        double[][] Run()
        {
            Tensor o = run.New(300, hidden), lse = run.New(DType.Float32, 4, 300);
            Tensor dq = run.New(300, hidden), dk = run.New(300, headDim), dv = run.New(300, headDim);
            run.Backend.AttentionForward(q, k, v, starts, shape, o, lse);
            run.Backend.AttentionBackward(q, q, k, v, o, lse, starts, shape, dq, dk, dv);
            return [run.Doubles(o), run.Doubles(lse), run.Doubles(dq), run.Doubles(dk), run.Doubles(dv)];
        }

        Assert.Equal(Run(), Run());
    }
}
