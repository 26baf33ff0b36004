using Lapidary.Engine.Tests.Cpu;
using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of a single token, which have kernels of their own.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceMatVecTests
{
    private const float Scale = 1.5f;

    public static IEnumerable<object[]> Kinds => DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    /// <summary>r, in, out. The last two are left to the general product: r and in that are no multiples of 4.</summary>
    public static IEnumerable<object[]> Adapters =>
        DeviceRun.Each(
            [4, 64, 1], [8, 100, 3], [16, 1152, 256], [16, 6912, 130], [64, 640, 1000], [256, 132, 129], [6, 96, 40], [16, 98, 40]);

    /// <summary>One row, odd rows, a part of a step, steps shared by 1 to 8 warps and several turns of them; where rows have 100 elements
    /// scales change within a run of 8, so the weight is decoded first.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Linear_OfOneToken_MatchesFp64(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        foreach (int blockSize in kind >= WeightKind.NF4 ? new[] { 32, 64, 4096 } : [64])
        {
            foreach (var (outDim, dim) in new[]
            {
                (1, 64), (3, 96), (16, 1152), (256, 1152), (1000, 96), (2100, 264), (5, 6912), (3, 20480), (7, 8), (2, 100),
            })
            {
                using var weight = TestMatrix.Create(kind, outDim, dim, 2, blockSize);
                Tensor w = run.Import(weight.Tensor), x = run.Normal(1, 3, dim).Rows(2, 1);
                Tensor y = run.New(2, outDim), logits = run.New(DType.Float32, 2, outDim);
                run.Backend.LinearForward(x, w, y.Rows(0, 1));
                run.Backend.LinearForward(x, w, logits.Rows(0, 1));

                double[] input = run.Doubles(x), expected = Sum(1, outDim, dim, (_, o, p) => input[p] * weight[o, p]);
                string size = $"{kind} {outDim} × {dim}, blocks of {blockSize}";
                AssertClose(run, expected, y.Rows(0, 1), run.Tolerance, size);
                // Weights are exact there.
                AssertClose(run, expected, logits.Rows(0, 1), dim % 8 == 0 ? 1e-5 : run.Tolerance, size + ", fp32");
                Assert.All(run.Doubles(y.Rows(1, 1)), value => Assert.Equal(double.NaN, value));
                Assert.All(run.Doubles(logits.Rows(1, 1)), value => Assert.Equal(double.NaN, value));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Linear_OfOneToken_GivesTheSameBitsTwice(string device)
    {
        using var run = DeviceRun.On(device);
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 515, 2560, 2);
        Tensor w = run.Import(weight.Tensor), x = run.Normal(1, 1, 2560);
        Tensor first = run.New(DType.Float32, 1, 515), second = run.New(DType.Float32, 1, 515);
        run.Backend.LinearForward(x, w, first);
        run.Backend.LinearForward(x, w, second);
        Assert.Equal(run.Doubles(first), run.Doubles(second));
    }

    [Theory]
    [MemberData(nameof(Adapters))]
    public void Lora_OfOneToken_MatchesFp64(string device, int r, int dim, int outDim)
    {
        using var run = DeviceRun.On(device);
        Tensor a = run.Normal(DType.Float32, 0.3, r, dim), b = run.Normal(DType.Float32, 0.3, outDim, r), x = run.Normal(1, 1, dim);
        Tensor y = run.Normal(1, 2, outDim), xa = run.New(1, r);
        var adapter = new LoraAdapter(new Parameter("A", a, null), new Parameter("B", b, null), Scale, Dropout: null);
        double[] input = run.Doubles(x), va = run.Doubles(a), vb = run.Doubles(b), before = run.Doubles(y);
        double[] expectedXa = Sum(1, r, dim, (_, i, p) => input[p] * va[i * dim + p]);
        double[] change = Sum(1, outDim, r, (_, o, i) => Scale * expectedXa[i] * vb[o * r + i]);

        run.Backend.ProjectForward(x, [new Projection(run.Zeros(DType.BFloat16, outDim, dim), adapter)], [xa], [y.Rows(0, 1)]);

        run.AssertClose(expectedXa, xa);
        run.AssertClose([.. before.Select((value, o) => o < outDim ? change[o] : value)], y);
        Assert.Equal(before[outDim..], run.Doubles(y)[outDim..]);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_IsTheFirstOfTheLargest(string device)
    {
        using var run = DeviceRun.On(device);
        foreach (int dim in new[] { 1, 2, 5, 31, 32, 1023, 4097, 5000, 262144 })
        {
            const int Rows = 3;
            var random = new Random(dim);
            float[] values = [.. Enumerable.Range(0, Rows * dim).Select(_ => (float)random.Next(-5, 6))]; // many ties
            Assert.Equal(values.Chunk(dim).Select(row => Array.IndexOf(row, row.Max())), ArgMax(run, values, Rows));
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_FindsEveryPlace(string device)
    {
        const int Dim = 1100;
        using var run = DeviceRun.On(device);
        float[] identity = new float[Dim * Dim];
        for (int i = 0; i < Dim; i++) identity[i * Dim + i] = 1e-30f;
        Assert.Equal(Enumerable.Range(0, Dim), ArgMax(run, identity, Dim));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ArgMax_IsMinusOne_WhereARowHoldsNaN_OrItsLargestIsNotFinite(string device)
    {
        using var run = DeviceRun.On(device);
        const float NaN = float.NaN, Most = float.PositiveInfinity, Least = float.NegativeInfinity;
        float[] values = [NaN, -3, 5, 1, 2, NaN, NaN, NaN, NaN, Least, Least, Least, 1, Most, 7, 4, Least, 5];
        Assert.Equal([-1, -1, -1, -1, -1, 2], ArgMax(run, values, rows: 6));
        foreach (int dim in new[] { 7, 64, 4097, 5000 })
        {
            foreach (int place in new[] { 0, 1, dim / 2, dim - 1 })
            {
                float[] row = [.. Enumerable.Range(0, dim).Select(i => (float)-i)];
                row[place] = NaN;
                Assert.Equal([-1], ArgMax(run, row, rows: 1));
            }
        }
    }

    private static int[] ArgMax(DeviceRun run, float[] values, int rows)
    {
        int[] indices = [.. Enumerable.Repeat(-9, rows)];
        var result = run.Ints(indices);
        run.Backend.ArgMax(run.Floats(values).Reshape(rows, values.Length / rows), result);
        run.Backend.Read<int>(result, indices);
        return indices;
    }

    private static void AssertClose(DeviceRun run, double[] expected, Tensor actual, double tolerance, string size)
    {
        try
        {
            run.AssertClose(expected, actual, tolerance);
        }
        catch (Xunit.Sdk.XunitException error)
        {
            throw new Xunit.Sdk.XunitException($"{size}: {error.Message}");
        }
    }
}
