using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Memory;
using Lapidary.Engine.Tests.Cpu;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of more rows than few with weights that are kept decoded, or are of the type of activations: the bits of few rows
/// with the weight's own bytes.</summary>
/// <remarks>All comparisons are of bytes, and weights are random bits, since the host would take longer than the device.</remarks>
[Collection(nameof(DeviceRun))]
public class DeviceProjectTilesTests
{
    private const int MostRows = 400, Few = 8;

    /// <summary>On GPUs: the CPU keeps nothing decoded.</summary>
    public static IEnumerable<object[]> Kinds =>
        DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]).Where(row => (string)row[0] != "cpu");

    /// <summary>Columns, rows of each weight, ranks of adapters: one part and many, one bundle and many, narrow and wide, rows that end in
    /// the middle of a tile, and as many narrow tiles as fill a large card.</summary>
    private static readonly (int Dim, int[] OutDims, int[] Ranks)[] Sizes =
    [
        (1152, [40, 17, 8], [16, 0, 3]), (96, [8200], [8]), (640, [4100, 4097], [0, 4]), (2304, [33], [0]), (6912, [130], [0]),
        (1024, [200], [0]), (1152, [2001], [4]), (32, [65], [0]), (264, [8192, 9], [0, 0]), (1152, [1], [0]),
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRows_OfKeptWeights_HasTheBitsOfFewRows(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        AssertSameBits(run, kind);
    }

    /// <summary>Shared memory of a block: of an A100, of consumer cards and of Turing.</summary>
    [Theory]
    [InlineData(163)]
    [InlineData(99)]
    [InlineData(64)]
    public void ProjectRows_OnASmallerCard_OfKeptWeights_HasTheBitsOfFewRows(int kib)
    {
        var thresholds = new KernelThresholds { RowsSharedBytes = kib << 10 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => new CudaBackend(0, thresholds));
        AssertSameBits(run, WeightKind.NestedNF4);
        AssertSameBits(run, WeightKind.BFloat16);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRowsGated_OfKeptWeights_HasTheBitsOfFewRows(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        foreach (var (dim, outDim) in new[] { (1152, 4100), (96, 4096), (2304, 57) })
        {
            using var host = new MemoryRegion(new HostAllocator(), MemoryOwner.Base);
            Projection gate = new(run.Import(RandomBits.Weight(kind, outDim, dim, 1, host)), null);
            Projection up = new(run.Import(RandomBits.Weight(kind, outDim, dim, 2, host)), null);
            var type = run.Backend.ActivationDType;
            var x = run.Import(RandomBits.Matrix(type, MostRows, dim, 3, host));
            Tensor gateY = run.Zeros(type, MostRows, outDim), upY = run.Zeros(type, MostRows, outDim);
            var y = new Output(run, outDim);
            foreach (var (first, count) in Groups(MostRows)) Gated(first, count);
            y.Expect();
            using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
            Gated(0, MostRows); // keeps the weights for the next use
            foreach (int rows in new[] { 9, 33, 128, 200, 270, MostRows })
            {
                y.Clear();
                Gated(0, rows);
                y.AssertSame(rows, $"{rows} × {outDim} × {dim}");
            }

            void Gated(int first, int count) => run.Backend.ProjectRowsGated(
                x.Rows(first, count), gate, up, gateY.Rows(0, count), upY.Rows(0, count), y.Rows(first, count));
        }
    }

    private static void AssertSameBits(DeviceRun run, WeightKind kind)
    {
        foreach (var (dim, outDims, ranks) in Sizes)
        {
            using var host = new MemoryRegion(new HostAllocator(), MemoryOwner.Base);
            Projection[] layers = [.. outDims.Select((outDim, i) => DeviceProjectRowsTests.Layer(
                run, run.Import(RandomBits.Weight(kind, outDim, dim, i, host)), ranks[i]))];
            var x = run.Import(RandomBits.Matrix(run.Backend.ActivationDType, MostRows, dim, 9, host));
            Output[] ys = [.. outDims.Select(outDim => new Output(run, outDim))];
            foreach (var (first, count) in Groups(MostRows)) Project(first, count);
            foreach (var y in ys) y.Expect();
            foreach (bool hasPrompts in new[] { false, true })
            {
                using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
                if (hasPrompts) Forward();
                else Project(0, MostRows); // keeps the weights for the next use
                foreach (int rows in new[] { 1, 9, 33, 64, 100, 200, 270, MostRows })
                {
                    foreach (var y in ys) y.Clear();
                    Project(0, rows);
                    for (int i = 0; i < ys.Length; i++) ys[i].AssertSame(rows, $"{kind}: {rows} × {outDims[i]} × {dim}");
                }
            }

            void Project(int first, int count) =>
                run.Backend.ProjectRows(x.Rows(first, count), layers, [.. ys.Select(y => y.Rows(first, count))]);

            // As a prompt does, which keeps the weights beside their adapters.
            void Forward() => run.Backend.ProjectForward(
                x, layers, [.. ranks.Select(r => r == 0 ? null : run.New(MostRows, r))], [.. ys.Select(y => y.Rows(0, MostRows))]);
        }
    }

    private static IEnumerable<(int First, int Count)> Groups(int rows) =>
        Enumerable.Range(0, (rows + Few - 1) / Few).Select(i => (i * Few, Math.Min(Few, rows - (i * Few))));

    /// <summary>A product's result, and its expected bytes. One more row than the most shows what is written behind the last.</summary>
    private sealed class Output
    {
        private readonly DeviceRun _run;
        private readonly Tensor _tensor;
        private readonly byte[] _clear, _found, _expected;

        public Output(DeviceRun run, int outDim)
        {
            (_run, _tensor) = (run, run.Zeros(run.Backend.ActivationDType, MostRows + 1, outDim));
            (_clear, _found, _expected) = (Bytes(), Bytes(), Bytes());
            _clear.AsSpan().Fill(byte.MaxValue); // NaN in every type
            Clear();

            byte[] Bytes() => new byte[_tensor.LengthBytes];
        }

        public Tensor Rows(int first, int count) => _tensor.Rows(first, count);

        /// <summary>Fills it, so that what is not written shows.</summary>
        public void Clear() => _run.Backend.Write<byte>(_clear, _tensor);

        /// <summary>What it holds is expected from now on.</summary>
        public void Expect() => _run.Backend.Read<byte>(_tensor, _expected);

        /// <summary>Its first rows are the expected ones, and nothing is written behind them.</summary>
        public void AssertSame(int rows, string size)
        {
            _run.Backend.Read<byte>(_tensor, _found);
            int row = _found.Length / (MostRows + 1), written = rows * row;
            int same = _found.AsSpan(0, written).CommonPrefixLength(_expected);
            if (same < written) Assert.Fail($"{size}: row {same / row} differs at byte {same % row} of {row}.");
            Assert.True(_found.AsSpan(written).SequenceEqual(_clear.AsSpan(written)), $"{size}: something is written behind its rows.");
        }
    }
}
