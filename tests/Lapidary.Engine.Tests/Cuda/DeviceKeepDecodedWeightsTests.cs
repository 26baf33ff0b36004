using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Decoded weights against weights that are decoded at every use: the same bits, whatever adapters are
/// there.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceKeepDecodedWeightsTests
{
    private const int Tokens = 37, Rounds = 3;

    /// <summary>Size of the input, sizes of the outputs and ranks of their adapters (0: none), dropout, kind of weight.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [64, new[] { 160, 32, 24 }, new[] { 16, 16, 16 }, 0f, WeightKind.NestedNF4],
        [64, new[] { 160, 32, 24 }, new[] { 16, 0, 5 }, 0.3f, WeightKind.NF4],
        [51, new[] { 77, 51 }, new[] { 9, 20 }, 0f, WeightKind.NestedNF4],
        [96, new[] { 128, 128 }, new[] { 8, 16 }, 0f, WeightKind.BFloat16],
        [77, new[] { 90 }, new[] { 4 }, 0.1f, WeightKind.Float32],
        [136, new[] { 144 }, new[] { 33 }, 0f, WeightKind.Float16],
        [320, new[] { 96 }, new[] { 16 }, 0f, WeightKind.NestedNF4],
        [320, new[] { 96 }, new[] { 16 }, 0.2f, WeightKind.NestedNF4],
        [320, new[] { 100 }, new[] { 40 }, 0f, WeightKind.NF4],
        [136, new[] { 72 }, new[] { 8 }, 0f, WeightKind.BFloat16],
        [72, new[] { 72 }, new[] { 24 }, 0f, WeightKind.Float32],
        [83, new[] { 31 }, new[] { 8 }, 0f, WeightKind.Float16],
        [264, new[] { 40, 24 }, new[] { 16, 8 }, 0f, WeightKind.NestedNF4],
        [64, new[] { 48, 40 }, new[] { 0, 0 }, 0f, WeightKind.NestedNF4]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Cases))]
    public void ForwardAndBackward_GiveTheSameBits(string device, int dim, int[] outDims, int[] ranks, float probability, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        using var layers = new Layers(run, dim, outDims, ranks, probability, kind);
        double[][] expected = layers.Results();
        long all = 0;
        foreach (long part in new[] { 1, 2, 0 })
        {
            long limit = part == 1 ? long.MaxValue : all * part / 3; // all, some, none
            using (run.Backend.KeepDecodedWeights(limit))
            {
                AssertEqual(expected, layers.Results());
                long kept = Kept(run);
                if (limit == long.MaxValue) all = kept;
                AssertEqual(expected, layers.Results());
                Assert.Equal(kept, Kept(run));
            }

            Assert.Equal(0, Kept(run));
            AssertEqual(expected, layers.Results());
        }

        Assert.Equal(device != "cpu", all > 0);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void ForwardAndBackward_OfOneWeightTwice_GiveTheSameBits(string device)
    {
        using var run = DeviceRun.On(device);
        using var layers = new Layers(run, 64, [80, 80, 80], [8, 16, 0], probability: 0, WeightKind.NestedNF4, sameWeight: true);
        double[][] expected = layers.Results();
        using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
        AssertEqual(expected, layers.Results());
        AssertEqual(expected, layers.Results());
    }

    [Theory]
    [InlineData(96, 160, 0f)]
    [InlineData(160, 96, 0f)]
    [InlineData(160, 96, 0.2f)]
    public void Graph_UsesCopiesThatAreThere_AndIsStaleWithoutThem(int dim, int outDim, float probability)
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        using var layers = new Layers(run, dim, [outDim], [16], probability, WeightKind.NestedNF4);
        double[][] expected = layers.Results();
        var kept = backend.KeepDecodedWeights(long.MaxValue);
        layers.Work();
        using var graph = backend.Capture(layers.Work)!;
        AssertEqual(expected, layers.Results(graph.Run));
        AssertEqual(expected, layers.Results());
        AssertEqual(expected, layers.Results(graph.Run));
        Assert.False(graph.IsStale);
        kept.Dispose();
        Assert.True(graph.IsStale);
        AssertEqual(expected, layers.Results());
    }

    /// <summary>The same work ran before as a capture asks, but then it found decoded weights that are gone now.</summary>
    [Theory]
    [InlineData(96, 160, 0f)]
    [InlineData(160, 96, 0f)]
    [InlineData(160, 96, 0.2f)]
    public void Graph_CapturedWithoutCopies_NeitherAllocatesNorLeavesAnyUnfilled(int dim, int outDim, float probability)
    {
        using var run = DeviceRun.On("cuda", () => new CpuBackend(2), () => new CudaBackend());
        using var layers = new Layers(run, dim, [outDim], [16], probability, WeightKind.NestedNF4);
        double[][] expected;
        using (run.Backend.KeepDecodedWeights(long.MaxValue)) expected = layers.Results();
        using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
        long before = run.Backend.Memory.LiveBytes;
        using var graph = run.Backend.Capture(layers.Work)!;
        Assert.Equal(before, run.Backend.Memory.LiveBytes);
        AssertEqual(expected, layers.Results());
        Assert.True(Kept(run) > 0);
        AssertEqual(expected, layers.Results(graph.Run));
        Assert.False(graph.IsStale);
    }

    private static long Kept(DeviceRun run) => run.Backend.Memory.LiveBytesOf(MemoryOwner.DecodedWeights);

    private static void AssertEqual(double[][] expected, double[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i]);
    }

    /// <summary>Layers of one input whose adapters change from round to round.</summary>
    private sealed class Layers : IDisposable
    {
        private readonly DeviceRun _run;
        private readonly TestMatrix[] _weights;
        private readonly Projection[] _projections;
        private readonly float[][][] _values;
        private readonly Tensor?[] _xas;
        private readonly Tensor[] _ys, _dys;
        private readonly Tensor _x, _dx;

        public Layers(DeviceRun run, int dim, int[] outDims, int[] ranks, float probability, WeightKind kind, bool sameWeight = false)
        {
            _run = run;
            (_x, _dx) = (run.Normal(1, Tokens, dim), run.New(Tokens, dim));
            _weights = [.. outDims.Select((outDim, i) => TestMatrix.Create(kind, outDim, dim, 2 + i))];
            Tensor[] weights = [.. _weights.Select(weight => run.Import(weight.Tensor))];
            _projections = [.. weights.Select((weight, i) => new Projection(
                weights[sameWeight ? 0 : i], ranks[i] == 0 ? null : new LoraAdapter(
                new Parameter("A", run.Zeros(DType.Float32, ranks[i], dim), run.Zeros(DType.Float32, ranks[i], dim)),
                new Parameter("B", run.Zeros(DType.Float32, outDims[i], ranks[i]), run.Zeros(DType.Float32, outDims[i], ranks[i])),
                1.5f, probability > 0 ? new Dropout(probability, run.Longs(7, 0), i) : null)))];
            _xas = [.. ranks.Select(r => r == 0 ? null : run.New(Tokens, r))];
            _ys = [.. outDims.Select(outDim => run.New(Tokens, outDim))];
            _dys = [.. outDims.Select(outDim => run.Normal(1, Tokens, outDim))];
            var random = new Random(3);
            _values = [.. Enumerable.Range(0, Rounds).Select(_ => Trained.Select(parameter =>
                Enumerable.Range(0, (int)parameter.Value.Count).Select(_ => random.NextSingle() - 0.5f).ToArray()).ToArray())];
        }

        private IEnumerable<Parameter> Trained =>
            _projections.Select(projection => projection.Adapter).OfType<LoraAdapter>()
                .SelectMany(adapter => new[] { adapter.A, adapter.B });

        /// <summary>Forward and backward, as a first layer and as a later one; recomputation would run forward twice.</summary>
        public void Work()
        {
            _run.Backend.ProjectForward(_x, _projections, _xas, _ys);
            _run.Backend.ProjectForward(_x, _projections, _xas, _ys);
            _run.Backend.ProjectBackward(_dys, _x, _projections, _xas, dx: null, add: false);
            _run.Backend.ProjectBackward(_dys, _x, _projections, _xas, _dx, add: false);
            _run.Backend.ProjectBackward(_dys, _x, _projections, _xas, _dx, add: true);
        }

        public double[][] Results() => Results(Work);

        /// <summary>All that is written, of every round.</summary>
        public double[][] Results(Action work)
        {
            List<double[]> results = [];
            foreach (float[][] values in _values)
            {
                foreach (var (parameter, value) in Trained.Zip(values))
                {
                    _run.Backend.Write<float>(value, parameter.Value);
                    _run.Backend.Zero(parameter.Gradient!);
                }

                work();
                var written = _ys.Concat(_xas.OfType<Tensor>()).Append(_dx).Concat(Trained.Select(parameter => parameter.Gradient!));
                results.AddRange(written.Select(_run.Doubles));
            }

            return [.. results];
        }

        public void Dispose()
        {
            foreach (var weight in _weights) weight.Dispose();
        }
    }
}
