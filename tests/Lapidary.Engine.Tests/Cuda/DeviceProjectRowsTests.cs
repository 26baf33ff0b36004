using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Tests.Cpu;
using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of the few rows of a decoding step: right, and for each row the same bits whatever other rows are there.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceProjectRowsTests
{
    private const float Scale = 1.5f;

    public static IEnumerable<object[]> Kinds => DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]);

    public static IEnumerable<object[]> SmallCards =>
        [.. Enum.GetValues<WeightKind>().Select(kind => (object[])["cuda", kind])];

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    /// <summary>Rows, in, and out and r (0: no adapter) of each layer: ranks and sizes that are no multiples of 4.</summary>
    public static IEnumerable<object[]> Adapters => DeviceRun.Each(
        [1, 8, new[] { 100 }, new[] { 4 }], [1, 100, new[] { 3 }, new[] { 64 }], [2, 1152, new[] { 256, 64, 65 }, new[] { 16, 16, 16 }],
        [5, 6912, new[] { 130 }, new[] { 16 }], [64, 640, new[] { 1000, 33 }, new[] { 64, 0 }],
        [7, 132, new[] { 129, 9 }, new[] { 0, 300 }],
        [9, 96, new[] { 40, 24 }, new[] { 6, 16 }], [3, 98, new[] { 40 }, new[] { 16 }], [70, 33, new[] { 17, 1, 40 }, new[] { 5, 0, 1 }]);

    /// <summary>One output, odd outputs, a piece of a step, 1 to 32 parts, a part of one step and of several; as many outputs and rows as
    /// end a tile, and one more. Where a row of the weight ends within 16 bytes, elements are read one by one.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRows_MatchesFp64(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        AssertMatchesFp64(run, kind);
    }

    [Theory]
    [MemberData(nameof(SmallCards))]
    public void ProjectRows_OnASmallerCard_MatchesFp64(string device, WeightKind kind)
    {
        using var run = OnSmallerCard(device);
        AssertMatchesFp64(run, kind);
    }


    /// <summary>Alone, among others, and in another order: with few outputs and with as many as select other kernels.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRows_OfARow_HasTheSameBitsAloneAndAmongOthers(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        AssertSameBits(run, kind);
    }

    [Theory]
    [MemberData(nameof(SmallCards))]
    public void ProjectRows_OfARow_OnASmallerCard_HasTheSameBitsAloneAndAmongOthers(string device, WeightKind kind)
    {
        using var run = OnSmallerCard(device);
        AssertSameBits(run, kind);
    }


    [Theory]
    [MemberData(nameof(Adapters))]
    public void ProjectRows_WithAdapters_MatchesFp64(string device, int rows, int dim, int[] outDims, int[] ranks)
    {
        using var run = DeviceRun.On(device);
        var x = run.Normal(1, rows, dim);
        double[] input = run.Doubles(x);
        Projection[] projections =
            [.. outDims.Select((outDim, i) => Layer(run, run.Zeros(run.Backend.ActivationDType, outDim, dim), ranks[i]))];
        Tensor[] ys = [.. outDims.Select((outDim, i) => i == 0 ? run.NewWide(rows, outDim) : run.New(rows, outDim))];
        run.Backend.ProjectRows(x, projections, ys);
        for (int i = 0; i < ys.Length; i++)
        {
            int r = ranks[i];
            if (projections[i].Adapter is not { } adapter)
            {
                Assert.All(run.Doubles(ys[i]), value => Assert.Equal(0, value));
                continue;
            }

            double[] a = run.Doubles(adapter.A.Value), b = run.Doubles(adapter.B.Value);
            double[] xa = Sum(rows, r, dim, (t, j, p) => input[t * dim + p] * a[j * dim + p]);
            run.AssertClose(Sum(rows, outDims[i], r, (t, o, j) => Scale * xa[t * r + j] * b[o * r + j]), ys[i]);
        }
    }

    /// <summary>Weights of different types in one call, more than a launch takes.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void ProjectRows_TakesWeightsOfEveryKindTogether(string device)
    {
        const int Rows = 3, Dim = 128;
        using var run = DeviceRun.On(device);
        WeightKind[] kinds = [.. Enum.GetValues<WeightKind>(), .. Enumerable.Repeat(WeightKind.NF4, 4)];
        TestMatrix[] weights = [.. kinds.Select((kind, i) => TestMatrix.Create(kind, 10 + i, Dim, i))];
        var x = run.Normal(1, Rows, Dim);
        Tensor[] ys = [.. weights.Select(weight => run.New(Rows, weight.Rows))];
        run.Backend.ProjectRows(x, [.. weights.Select(weight => new Projection(run.Import(weight.Tensor), null))], ys);
        double[] input = run.Doubles(x);
        for (int i = 0; i < ys.Length; i++)
        {
            double[] values = Values(run, weights[i]);
            run.AssertClose(Sum(Rows, 10 + i, Dim, (t, o, p) => input[t * Dim + p] * values[o * Dim + p]), ys[i]);
            weights[i].Dispose();
        }
    }

    [Fact]
    public void ProjectRows_IsCaptured_AndTakesNewRows()
    {
        const int Rows = 12, Dim = 192;
        using var run = DeviceRun.On("cuda");
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 50, Dim, 2);
        Projection[] projections = [Layer(run, run.Import(weight.Tensor), r: 8)];
        Tensor x = run.Normal(1, Rows, Dim), next = run.Normal(1, Rows, Dim), y = run.New(Rows, 50), expected = run.New(Rows, 50);
        run.Backend.ProjectRows(next, projections, [expected]);
        using var replay = run.Backend.Capture(() => run.Backend.ProjectRows(x, projections, [y]))!;
        run.Backend.Zero(x);
        run.Backend.Add(next, x);
        replay.Run();
        Assert.Equal(run.Doubles(expected), run.Doubles(y));
    }

    private static void AssertMatchesFp64(DeviceRun run, WeightKind kind)
    {
        foreach (int blockSize in kind >= WeightKind.NF4 ? new[] { 32, 64, 4096 } : [64])
        {
            foreach (var (rows, outDim, dim) in new[]
            {
                (1, 1, 64), (1, 3, 96), (3, 16, 1152), (1, 256, 1152), (20, 100, 96), (8, 515, 264), (5, 5, 6912), (1, 3, 20480),
                (2, 7, 8), (9, 2, 100), (65, 33, 160), (4, 9, 77), (1, 1, 1), (12, 8200, 64), (64, 40, 256),
                (33, 130, 1152), (40, 65, 6912), (65, 8193, 96), (9, 8288, 32), (8, 8193, 640),
            })
            {
                using var weight = TestMatrix.Create(kind, outDim, dim, 2, blockSize);
                Tensor w = run.Import(weight.Tensor), x = run.Normal(1, rows + 2, dim).Rows(2, rows);
                Tensor y = run.New(rows + 1, outDim), logits = run.New(DType.Float32, rows + 1, outDim);
                Projection[] projections = [new(w, null)];
                run.Backend.ProjectRows(x, projections, [y.Rows(0, rows)]);
                run.Backend.ProjectRows(x, projections, [logits.Rows(0, rows)]);

                double[] input = run.Doubles(x), values = Values(run, weight);
                double[] expected = Sum(rows, outDim, dim, (t, o, p) => input[t * dim + p] * values[o * dim + p]);
                string size = $"{kind} {rows} × {outDim} × {dim}, blocks of {blockSize}";
                AssertClose(run, expected, y.Rows(0, rows), run.Tolerance, size);
                AssertClose(run, expected, logits.Rows(0, rows), Fp32Tolerance(run), size + ", fp32");
                Assert.All(run.Doubles(y.Rows(rows, 1)), value => Assert.Equal(double.NaN, value));
                Assert.All(run.Doubles(logits.Rows(rows, 1)), value => Assert.Equal(double.NaN, value));
            }
        }
    }

    private static void AssertSameBits(DeviceRun run, WeightKind kind)
    {
        const int Rows = 75;
        foreach (var (dim, outDims, ranks) in new (int, int[], int[])[]
        {
            (1152, [40, 17, 8], [16, 0, 3]), (96, [8200], [8]), (640, [9000], [0]), (640, [4100, 4100], [0, 0]),
            (2304, [33], [0]), (6912, [270], [0]), (1152, [2100], [4]),
            (100, [20, 9], [4, 4]), (77, [12], [5]),
        })
        {
            TestMatrix[] weights = [.. outDims.Select((outDim, i) => TestMatrix.Create(kind, outDim, dim, i))];
            Projection[] projections = [.. weights.Select((weight, i) => Layer(run, run.Import(weight.Tensor), ranks[i]))];
            double[] input = run.Doubles(run.Normal(1, Rows, dim));
            double[][] all = Project(Enumerable.Range(0, Rows));
            foreach (int rows in new[] { 1, 2, 7, 8, 9, 33, 64 })
            {
                AssertRows([.. Enumerable.Range(0, rows)]);
                AssertRows([.. Enumerable.Range(Rows - rows, rows).Reverse()]);
            }

            foreach (var weight in weights) weight.Dispose();

            void AssertRows(int[] rows)
            {
                double[][] found = Project(rows);
                for (int i = 0; i < outDims.Length; i++)
                    Assert.Equal(rows.SelectMany(row => all[i].Skip(row * outDims[i]).Take(outDims[i])), found[i]);
            }

            double[][] Project(IEnumerable<int> rows)
            {
                double[] picked = [.. rows.SelectMany(row => input.Skip(row * dim).Take(dim))];
                int count = picked.Length / dim;
                var x = run.From(run.Backend.ActivationDType, picked, count, dim);
                Tensor[] ys = [.. outDims.Select(outDim => run.New(count, outDim))];
                run.Backend.ProjectRows(x, projections, ys);
                return [.. ys.Select(run.Doubles)];
            }
        }
    }

    /// <summary>With 99 KiB of shared memory to a block, as consumer cards have.</summary>
    private static DeviceRun OnSmallerCard(string device) =>
        DeviceRun.On(device, () => new CpuBackend(2), () => new CudaBackend(0, new KernelThresholds { RowsSharedBytes = 99 << 10 }));

    /// <summary>Error of long fp32 sums. Tensor cores round them towards zero.</summary>
    private static double Fp32Tolerance(DeviceRun run) => run.Of(fp32: 1e-5, fp16: 3e-5, bf16: 3e-5);

    internal static Projection Layer(DeviceRun run, Tensor weight, int r)
    {
        var (outDim, dim) = weight.AsRows();
        return new Projection(weight, r == 0 ? null : new LoraAdapter(
            new Parameter("A", run.Normal(DType.Float32, 0.3, r, dim), null),
            new Parameter("B", run.Normal(DType.Float32, 0.3, outDim, r), null), Scale, Dropout: null));
    }

    /// <summary>The values that the backend multiplies with: on CUDA those of the type of activations, as in training.</summary>
    private static double[] Values(DeviceRun run, TestMatrix weight) => run.Backend.ActivationDType switch
    {
        DType.BFloat16 => [.. weight.Values.Select(value => (double)BFloat16.Round((float)value))],
        DType.Float16 => [.. weight.Values.Select(value => (double)(Half)value)],
        _ => weight.Values,
    };

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
