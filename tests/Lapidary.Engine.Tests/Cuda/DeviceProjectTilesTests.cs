using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Tests.Cpu;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of more rows than few with weights that are kept decoded, or are of the type of activations: the bits of few rows
/// with the weight's own bytes.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceProjectTilesTests
{
    private const int MostRows = 150, Few = 8;

    /// <summary>On GPUs: the CPU keeps nothing decoded.</summary>
    public static IEnumerable<object[]> Kinds =>
        DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]).Where(row => (string)row[0] != "cpu");

    /// <summary>Shared memory of a block, in KiB: of an A100, of consumer cards and of Turing.</summary>
    public static IEnumerable<object[]> SmallCards =>
        [.. new[] { WeightKind.NestedNF4, WeightKind.BFloat16 }
            .SelectMany(kind => new[] { 163, 99, 64 }.Select(kib => (object[])[kind, kib]))];

    /// <summary>Columns, rows of each weight, ranks of adapters: one part and many, one bundle and many, narrow and wide, rows that end in
    /// the middle of a tile.</summary>
    private static readonly (int Dim, int[] OutDims, int[] Ranks)[] Sizes =
    [
        (1152, [40, 17, 8], [16, 0, 3]), (96, [8200], [8]), (640, [4100, 4100], [0, 0]), (2304, [33], [0]), (6912, [130], [0]),
        (1024, [200], [0]), (1152, [8193], [4]), (32, [65], [0]), (264, [8192, 9], [0, 0]), (1152, [1], [0]),
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRows_OfKeptWeights_HasTheBitsOfFewRows(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        AssertSameBits(run, kind);
    }

    [Theory]
    [MemberData(nameof(SmallCards))]
    public void ProjectRows_OnASmallerCard_OfKeptWeights_HasTheBitsOfFewRows(WeightKind kind, int kib)
    {
        var thresholds = new KernelThresholds { RowsSharedBytes = kib << 10 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => new CudaBackend(0, thresholds));
        AssertSameBits(run, kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRowsGated_OfKeptWeights_HasTheBitsOfFewRows(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        foreach (var (dim, outDim) in new[] { (1152, 4100), (640, 4096), (2304, 57) })
        {
            using TestMatrix gate = TestMatrix.Create(kind, outDim, dim, 1), up = TestMatrix.Create(kind, outDim, dim, 2);
            Projection[] layers = [new(run.Import(gate.Tensor), null), new(run.Import(up.Tensor), null)];
            var x = run.Normal(1, MostRows, dim);
            double[] expected = [.. Groups(MostRows).SelectMany(group => Gated(x.Rows(group.First, group.Count)))];
            using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
            Gated(x); // keeps the weights for the next use
            foreach (int rows in new[] { 9, 33, 128, MostRows })
                AssertEqual(expected, Gated(x.Rows(0, rows)), $"{rows} × {outDim} × {dim}");

            double[] Gated(Tensor input)
            {
                long rows = input.Shape[0];
                Tensor gateY = run.New(rows, outDim), upY = run.New(rows, outDim), y = run.New(rows + 1, outDim);
                run.Backend.ProjectRowsGated(input, layers[0], layers[1], gateY, upY, y.Rows(0, rows));
                Assert.All(run.Doubles(y.Rows(rows, 1)), value => Assert.Equal(double.NaN, value));
                return run.Doubles(y.Rows(0, rows));
            }
        }
    }

    private static void AssertSameBits(DeviceRun run, WeightKind kind)
    {
        foreach (var (dim, outDims, ranks) in Sizes)
        {
            TestMatrix[] weights = [.. outDims.Select((outDim, i) => TestMatrix.Create(kind, outDim, dim, i))];
            Projection[] layers =
                [.. weights.Select((weight, i) => DeviceProjectRowsTests.Layer(run, run.Import(weight.Tensor), ranks[i]))];
            var x = run.Normal(1, MostRows, dim);
            double[][][] few = [.. Groups(MostRows).Select(group => Project(x.Rows(group.First, group.Count)))];
            double[][] expected = [.. outDims.Select((_, i) => few.SelectMany(group => group[i]).ToArray())];
            foreach (bool hasPrompts in new[] { false, true })
            {
                using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
                if (hasPrompts) Forward(x);
                else Project(x); // keeps the weights for the next use
                foreach (int rows in new[] { 1, 9, 33, 64, 100, MostRows })
                {
                    double[][] found = Project(x.Rows(0, rows));
                    for (int i = 0; i < outDims.Length; i++) AssertEqual(expected[i], found[i], $"{rows} × {outDims[i]} × {dim}");
                }
            }

            foreach (var weight in weights) weight.Dispose();

            double[][] Project(Tensor input)
            {
                long rows = input.Shape[0];
                Tensor[] ys = [.. outDims.Select(outDim => run.New(rows + 1, outDim))];
                run.Backend.ProjectRows(input, layers, [.. ys.Select(y => y.Rows(0, rows))]);
                foreach (var y in ys) Assert.All(run.Doubles(y.Rows(rows, 1)), value => Assert.Equal(double.NaN, value));
                return [.. ys.Select(y => run.Doubles(y.Rows(0, rows)))];
            }

            // As a prompt does, which keeps the weights beside their adapters.
            void Forward(Tensor input) => run.Backend.ProjectForward(
                input, layers, [.. ranks.Select(r => r == 0 ? null : run.New(MostRows, r))],
                [.. outDims.Select(outDim => run.New(MostRows, outDim))]);
        }
    }

    /// <summary>The results are the beginning of what is expected. Faster than xunit's comparison.</summary>
    private static void AssertEqual(double[] expected, double[] actual, string size)
    {
        int same = expected.AsSpan().CommonPrefixLength(actual);
        if (same < actual.Length) Assert.Fail($"{size}: element {same} is {actual[same]}, not {expected[same]}.");
    }

    private static IEnumerable<(int First, int Count)> Groups(int rows) =>
        Enumerable.Range(0, (rows + Few - 1) / Few).Select(i => (i * Few, Math.Min(Few, rows - (i * Few))));
}
