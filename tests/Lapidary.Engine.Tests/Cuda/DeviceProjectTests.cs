using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Tests.Cpu;
using Lapidary.Tests;
using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceProjectTests
{
    private const float Scale = 1.5f;
    private const long Seed = 1234567890123;

    /// <summary>Of a run that other runs of the step come before; its index is beyond 32 bits.</summary>
    private const long FirstToken = 100_000_007;

    /// <summary>Tokens, size of the input, sizes of the outputs and ranks of their adapters (0: none), dropout, kind of weight.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [70, 51, new[] { 37 }, new[] { 4 }, 0f, WeightKind.Float32],
        [70, 51, new[] { 77 }, new[] { 16 }, 0f, WeightKind.NestedNF4],
        [33, 64, new[] { 160, 32, 24 }, new[] { 16, 16, 16 }, 0f, WeightKind.NestedNF4],
        [33, 64, new[] { 160, 32, 24 }, new[] { 16, 0, 5 }, 0.3f, WeightKind.NF4],
        [17, 96, new[] { 128, 128 }, new[] { 8, 16 }, 0.05f, WeightKind.BFloat16],
        [40, 320, new[] { 96 }, new[] { 16 }, 0f, WeightKind.NestedNF4],
        [40, 320, new[] { 100 }, new[] { 40 }, 0.2f, WeightKind.NestedNF4],
        [130, 288, new[] { 520, 264 }, new[] { 33, 0 }, 0f, WeightKind.Float16],
        [5, 64, new[] { 48, 40 }, new[] { 0, 0 }, 0f, WeightKind.NestedNF4],
        [70, 24, new[] { 16, 40 }, new[] { 272, 150 }, 0.2f, WeightKind.Float32],
        [40, 136, new[] { 72 }, new[] { 8 }, 0f, WeightKind.BFloat16],
        [33, 72, new[] { 72 }, new[] { 24 }, 0f, WeightKind.Float32],
        [70, 264, new[] { 312, 8, 16 }, new[] { 48, 64, 32 }, 0.1f, WeightKind.Float16],
        [259, 256, new[] { 384 }, new[] { 64 }, 0.5f, WeightKind.BFloat16]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Cases))]
    public void ForwardAndBackward_MatchFp64(
        string device, int tokens, int dim, int[] outDims, int[] ranks, float probability, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        AssertMatchFp64(run, tokens, dim, outDims, ranks, [probability], kind);
    }

    /// <summary>The kernels of long steps, whose blocks take 64 tokens: one tile of columns and more than are under way at once, one slice
    /// of ranks and more than a launch takes.</summary>
    [Theory]
    [InlineData(70, 96, new[] { 80 }, new[] { 16 }, 0f)]
    [InlineData(33, 64, new[] { 160, 32, 24 }, new[] { 16, 16, 16 }, 0f)]
    [InlineData(259, 320, new[] { 384, 64 }, new[] { 8, 0 }, 0.3f)]
    [InlineData(259, 520, new[] { 384 }, new[] { 16 }, 0f)]
    [InlineData(130, 328, new[] { 328 }, new[] { 40 }, 0.2f)]
    [InlineData(65, 64, new[] { 56 }, new[] { 8 }, 0f)]
    [InlineData(70, 264, new[] { 312, 8, 16 }, new[] { 48, 64, 32 }, 0.1f)]
    [InlineData(70, 264, new[] { 312, 8, 16 }, new[] { 48, 64, 20 }, 0f)]
    public void ForwardAndBackward_MatchFp64_InTallBlocks(int tokens, int dim, int[] outDims, int[] ranks, float probability)
    {
        var thresholds = new KernelThresholds { ManyTokens = 1 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => new CudaBackend(0, thresholds));
        AssertMatchFp64(run, tokens, dim, outDims, ranks, [probability], WeightKind.NestedNF4);
    }

    /// <summary>Blocks of low_rank_up and low_rank_gradient that take more tiles of 32 tokens than they keep in shared memory: rows aligned
    /// and not, whole and part tiles at the end, with masks, without, and for one adapter alone; columns of two blocks.</summary>
    [Theory]
    [InlineData(451, 96, new[] { 80 }, new[] { 16 }, new[] { 0f })]
    [InlineData(403, 64, new[] { 160, 32, 24 }, new[] { 16, 16, 16 }, new[] { 0f })]
    [InlineData(384, 264, new[] { 40, 16 }, new[] { 8, 64 }, new[] { 0f })]
    [InlineData(353, 264, new[] { 40, 272 }, new[] { 8, 24 }, new[] { 0.3f })]
    [InlineData(209, 64, new[] { 72, 24, 16 }, new[] { 16, 32, 16 }, new[] { 0.3f, 0f, 0.1f })]
    [InlineData(237, 77, new[] { 53, 21 }, new[] { 20, 7 }, new[] { 0.3f })]
    [InlineData(237, 51, new[] { 77 }, new[] { 16 }, new[] { 0f })]
    [InlineData(200, 64, new[] { 48 }, new[] { 4 }, new[] { 0f })]
    [InlineData(200, 64, new[] { 48, 96 }, new[] { 12, 4 }, new[] { 0.2f })]
    public void ForwardAndBackward_MatchFp64_InManyTilesPerBlock(int tokens, int dim, int[] outDims, int[] ranks, float[] probabilities)
    {
        var thresholds = new KernelThresholds { MinTokensPerBlock = 180 };
        using var run = DeviceRun.On(TestDevice.Cuda, () => new CpuBackend(2), () => new CudaBackend(0, thresholds));
        AssertMatchFp64(run, tokens, dim, outDims, ranks, probabilities, WeightKind.BFloat16);
    }

    /// <param name="run">Where.</param> <param name="tokens">Rows of x.</param> <param name="dim">Columns of x.</param>
    /// <param name="outDims">Columns of each y.</param> <param name="ranks">Of each adapter, 0 for none.</param>
    /// <param name="probabilities">Dropout of each adapter, or of all.</param> <param name="kind">Of the weights.</param>
    private static void AssertMatchFp64(
        DeviceRun run, int tokens, int dim, int[] outDims, int[] ranks, float[] probabilities, WeightKind kind)
    {
        var x = run.Normal(1, tokens, dim);
        double[] input = run.Doubles(x), expectedDx = new double[tokens * dim];
        Layer[] layers = [.. outDims.Select((outDim, i) =>
            new Layer(run, kind, tokens, dim, outDim, ranks[i], probabilities[i % probabilities.Length], i))];
        Projection[] projections = [.. layers.Select(layer => layer.Projection)];
        Tensor?[] xas = [.. layers.Select(layer => layer.Xa)];
        Tensor[] ys = [.. layers.Select(layer => layer.Y)], dys = [.. layers.Select(layer => layer.Dy)];
        foreach (var layer in layers) layer.Expect(input, expectedDx);

        run.Backend.ProjectForward(x, projections, xas, ys);
        var dx = run.New(tokens, dim);
        run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: false);

        foreach (var layer in layers) layer.AssertForward();
        foreach (var layer in layers) layer.AssertResultForANorm(x);
        run.AssertClose(expectedDx, dx);
        foreach (var layer in layers) layer.AssertGradients(times: 1);

        // Again, added to what is there: gradients of parameters twice, dx on top of other values.
        double[] there = run.Doubles(dx);
        run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: true);
        run.AssertClose([.. expectedDx.Select((value, i) => value + there[i])], dx);
        foreach (var layer in layers) layer.AssertGradients(times: 2);
        foreach (var layer in layers) layer.Dispose();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Backward_WithoutInputGradient_FormsTheAdapters(
        string device, int tokens, int dim, int[] outDims, int[] ranks, float probability, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        var x = run.Normal(1, tokens, dim);
        Layer[] layers = [.. outDims.Select((outDim, i) => new Layer(run, kind, tokens, dim, outDim, ranks[i], probability, i))];
        foreach (var layer in layers) layer.Expect(run.Doubles(x), new double[tokens * dim]);
        Projection[] projections = [.. layers.Select(layer => layer.Projection)];
        Tensor?[] xas = [.. layers.Select(layer => layer.Xa)];
        run.Backend.ProjectForward(x, projections, xas, [.. layers.Select(layer => layer.Y)]);
        run.Backend.ProjectBackward([.. layers.Select(layer => layer.Dy)], x, projections, xas, dx: null, add: false);
        foreach (var layer in layers) layer.AssertGradients(times: 1);
        foreach (var layer in layers) layer.Dispose();
    }

    /// <summary>The same bits as on the CPU: a mask that differs in one element would show as a whole element of error.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Dropout_KeepsTheHashedElements(string device)
    {
        const int Tokens = 33, Dim = 77;
        using var run = DeviceRun.On(device);
        // A is the identity, so xa is dropout(x) itself.
        double[] identity = new double[Dim * Dim];
        for (int i = 0; i < Dim; i++) identity[i * Dim + i] = 1;
        Tensor a = run.From(DType.Float32, identity, Dim, Dim);
        Tensor b = run.Zeros(DType.Float32, 8, Dim), weight = run.Zeros(DType.Float32, 8, Dim);
        Tensor x = run.From(run.Backend.ActivationDType, [.. Enumerable.Repeat(1.0, Tokens * Dim)], Tokens, Dim), xa = run.New(Tokens, Dim);
        var dropout = new Dropout(0.5f, run.Longs(Seed, FirstToken), Stream: 9);
        var adapter = new LoraAdapter(new Parameter("A", a, null), new Parameter("B", b, null), 1, dropout);
        run.Backend.ProjectForward(x, [new Projection(weight, adapter)], [xa], [run.New(Tokens, 8)]);
        uint key = Dropout.Key(Seed, 9);
        var expected = Enumerable.Range(0, Tokens * Dim).Select(i =>
            Dropout.Hash(key, Dropout.Index(FirstToken, Dim) + (uint)i) >= dropout.Threshold ? 2.0 * run.FactorOfXa : 0);
        Assert.Equal(expected, run.Doubles(xa));
    }

    private sealed class Layer : IDisposable
    {
        private readonly DeviceRun _run;
        private readonly TestMatrix _matrix;
        private readonly int _tokens, _dim, _outDim, _r;
        private readonly double[] _weight, _mask;
        private double[] _xa = [], _y = [], _dA = [], _dB = [], _beforeA = [], _beforeB = [];

        public Layer(DeviceRun run, WeightKind kind, int tokens, int dim, int outDim, int r, float probability, int stream)
        {
            (_run, _tokens, _dim, _outDim, _r) = (run, tokens, dim, outDim, r);
            _matrix = TestMatrix.Create(kind, outDim, dim, 2 + stream);
            _weight = [.. Enumerable.Range(0, outDim * dim).Select(i => (double)_matrix[i / dim, i % dim])];
            Y = run.New(tokens, outDim);
            Dy = run.Normal(1, tokens, outDim);
            uint key = Dropout.Key(Seed, stream);
            uint threshold = (uint)(probability * 4294967296.0);
            _mask = [.. Enumerable.Range(0, tokens * dim)
                .Select(i => Dropout.Hash(key, Dropout.Index(FirstToken, dim) + (uint)i) >= threshold ? 1 / (1.0 - probability) : 0)];
            LoraAdapter? adapter = null;
            if (r > 0)
            {
                Xa = run.New(tokens, r);
                adapter = new LoraAdapter(
                    new Parameter("A", run.Normal(DType.Float32, 0.3, r, dim), run.Normal(DType.Float32, 1, r, dim)),
                    new Parameter("B", run.Normal(DType.Float32, 0.3, outDim, r), run.Normal(DType.Float32, 1, outDim, r)),
                    Scale, probability > 0 ? new Dropout(probability, run.Longs(Seed, FirstToken), stream) : null);
            }

            Projection = new Projection(run.Import(_matrix.Tensor), adapter);
        }

        public Projection Projection { get; }

        public Tensor? Xa { get; }

        public Tensor Y { get; }

        public Tensor Dy { get; }

        public void Expect(double[] input, double[] dx)
        {
            double[] dy = _run.Doubles(Dy);
            _y = Sum(_tokens, _outDim, _dim, (t, o, p) => input[t * _dim + p] * _weight[o * _dim + p]);
            Add(dx, Sum(_tokens, _dim, _outDim, (t, p, o) => dy[t * _outDim + o] * _weight[o * _dim + p]));
            if (Projection.Adapter is not { } adapter) return;

            double[] a = _run.Doubles(adapter.A.Value), b = _run.Doubles(adapter.B.Value);
            (_beforeA, _beforeB) = (_run.Doubles(adapter.A.Gradient!), _run.Doubles(adapter.B.Gradient!));
            double[] dropped = [.. input.Zip(_mask, (value, factor) => value * factor)];
            _xa = Sum(_tokens, _r, _dim, (t, i, p) => dropped[t * _dim + p] * a[i * _dim + p]);
            Add(_y, Sum(_tokens, _outDim, _r, (t, o, i) => Scale * _xa[t * _r + i] * b[o * _r + i]));
            double[] dxa = Sum(_tokens, _r, _outDim, (t, i, o) => Scale * dy[t * _outDim + o] * b[o * _r + i]);
            _dB = Sum(_outDim, _r, _tokens, (o, i, t) => Scale * dy[t * _outDim + o] * _xa[t * _r + i]);
            _dA = Sum(_r, _dim, _tokens, (i, p, t) => dxa[t * _r + i] * dropped[t * _dim + p]);
            Add(dx, Sum(_tokens, _dim, _r, (t, p, i) => dxa[t * _r + i] * a[i * _dim + p] * _mask[t * _dim + p]));
        }

        public void AssertForward()
        {
            if (Xa is not null) _run.AssertClose([.. _xa.Select(value => value * _run.FactorOfXa)], Xa);
            _run.AssertClose(_y, Y);
        }

        /// <summary>The same of the residual stream's type.</summary>
        public void AssertResultForANorm(Tensor x)
        {
            var result = _run.NewWide(_tokens, _outDim);
            _run.Backend.ProjectForward(x, [Projection], [Xa], [result]);
            _run.AssertClose(_y, result);
        }

        public void AssertGradients(int times)
        {
            if (Projection.Adapter is not { } adapter) return;
            _run.AssertClose([.. _dA.Zip(_beforeA, (change, before) => before + times * change)], adapter.A.Gradient!);
            _run.AssertClose([.. _dB.Zip(_beforeB, (change, before) => before + times * change)], adapter.B.Gradient!);
        }

        public void Dispose() => _matrix.Dispose();

        private static void Add(double[] sum, double[] change)
        {
            for (int i = 0; i < sum.Length; i++) sum[i] += change[i];
        }
    }
}
