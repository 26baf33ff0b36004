namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Which decoded weights are kept, by the bytes that a counter says; none of this needs a GPU.</summary>
public sealed class KeepDecodedWeightsTests : IDisposable
{
    private const int Tokens = 20;

    private readonly CudaBackend _counter = CudaBackend.CreateCounter(device: null);
    private readonly MemoryRegion _region;

    public KeepDecodedWeightsTests() => _region = new MemoryRegion(_counter.Memory, MemoryOwner.Base);

    public void Dispose()
    {
        _region.Dispose();
        _counter.Dispose();
    }

    /// <summary>Size of the input, sizes of the outputs and ranks of their adapters (0: none), dropout, type; elements that are kept after
    /// the forward step and after the backward step.</summary>
    public static TheoryData<int, int[], int[], float, DType, long, long> Cases { get; } = new()
    {
        // Wider than the input: [W | s·B], one form for both ways.
        { 64, [160, 32], [16, 16], 0, DType.BFloat16, 192 * 96, 192 * 96 },
        { 64, [160, 32], [16, 5], 0.1f, DType.Float32, 192 * 88, 192 * 88 },
        { 62, [96], [3], 0, DType.Float16, 96 * 72, 96 * 72 },

        // Narrower: W with room for A, of bf16 only where both are needed.
        { 160, [64], [16], 0, DType.Float32, 80 * 160, 80 * 160 },
        { 160, [64], [16], 0, DType.BFloat16, 0, 80 * 160 },

        // A mask asks for a form of its own, and so do sizes that would need padding and layers of one input.
        { 160, [64], [16], 0.1f, DType.Float32, 80 * 160, 80 * 160 + 64 * 176 },
        { 160, [64], [12], 0, DType.Float32, 64 * 160, 64 * 160 + 64 * 176 },
        { 160, [64, 32], [16, 8], 0, DType.Float32, 96 * 160, 96 * 160 + 96 * 184 },

        // Without adapters: W alone, none of bf16.
        { 64, [160], [0], 0, DType.Float32, 160 * 64, 160 * 64 },
        { 64, [160], [0], 0, DType.BFloat16, 0, 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Uses_KeepAsFewFormsAsServe(int dim, int[] outDims, int[] ranks, float probability, DType type, long forward, long both)
    {
        var layers = new Layers(_counter, _region, dim, outDims, ranks, probability, type);
        using var kept = _counter.KeepDecodedWeights(long.MaxValue);
        for (int round = 0; round < 2; round++)
        {
            layers.Forward();
            if (round == 0) Assert.Equal(forward * 2, Kept);
            layers.Backward();
            Assert.Equal(both * 2, Kept);
        }
    }

    [Fact]
    public void FirstLayersBackwardStep_KeepsNothing()
    {
        var layers = new Layers(_counter, _region, 64, [160], [16], 0, DType.Float32);
        using var kept = _counter.KeepDecodedWeights(long.MaxValue);
        layers.Backward(isFirst: true);
        Assert.Equal(0, Kept);
    }

    /// <summary>A copy would be multiplied by when the optimizer has long changed the weight.</summary>
    [Theory]
    [InlineData(64, 160, 0)]
    [InlineData(64, 160, 16)]
    [InlineData(160, 64, 16)]
    public void TrainedWeights_AreNotKept(int dim, int outDim, int rank)
    {
        var layers = new Layers(_counter, _region, dim, [outDim], [rank], 0, DType.Float32, isTrained: true);
        using var kept = _counter.KeepDecodedWeights(long.MaxValue);
        layers.Forward();
        layers.Backward();
        Assert.Equal(0, Kept);
    }

    /// <summary>32 rows share a partial sum.</summary>
    [Fact]
    public void NormsWeights_TakeScratchForPartialSums_IfTheyAreTrained()
    {
        const int Rows = 100, Dim = 640;
        Tensor x = _region.New("x", DType.BFloat16, Rows, Dim), weight = _region.New("weight", DType.Float32, Dim);
        var rstd = _region.New("rstd", DType.Float32, Rows);
        long before = _counter.Memory.LiveBytesOf(MemoryOwner.Workspace);
        _counter.RmsNormBackward(x, x, weight, rstd, x, add: false, dWeight: null);
        Assert.Equal(before, _counter.Memory.LiveBytesOf(MemoryOwner.Workspace));
        _counter.RmsNormBackward(x, x, weight, rstd, x, add: false, weight);
        Assert.Equal(before + 4 * Dim * sizeof(float), _counter.Memory.LiveBytesOf(MemoryOwner.Workspace));
    }

    [Fact]
    public void OtherProducts_KeepNothing()
    {
        var weight = _region.New("head", DType.Float32, 48, 64);
        using var kept = _counter.KeepDecodedWeights(long.MaxValue);
        _counter.LinearForward(_region.New("x", DType.BFloat16, Tokens, 64), weight, _region.New("y", DType.BFloat16, Tokens, 48));
        Tensor dy = _region.New("dy", DType.BFloat16, Tokens, 48), dx = _region.New("dx", DType.BFloat16, Tokens, 64);
        _counter.LinearBackward(dy, weight, dx, add: false);
        Assert.Equal(0, Kept);
    }

    [Fact]
    public void MaxBytes_AreNotExceeded_AndWhatFitsIsKept()
    {
        const int One = 96 * 80 * 2, Small = 8 * 80 * 2;
        Layers[] layers = [.. new[] { 96, 96, 96, 8 }.Select(outDim =>
            new Layers(_counter, _region, 64, [outDim], [outDim == 8 ? 0 : 16], 0, DType.Float32))];
        foreach (var (maxBytes, expected) in new[]
        {
            (0L, 0), (One - 1, 8 * 64 * 2), (One, One), (2 * One + Small, 2 * One + 8 * 64 * 2),
            (long.MaxValue, 3 * One + 8 * 64 * 2),
        })
        {
            using var kept = _counter.KeepDecodedWeights(maxBytes);
            foreach (var layer in layers) layer.Forward();
            Assert.Equal(expected, Kept);
        }
    }

    /// <summary>Odd sizes are rounded up to what memory is handed out in, within the limit all the same.</summary>
    [Fact]
    public void MaxBytes_CountWhatIsTaken()
    {
        var layers = new Layers(_counter, _region, 5, [3], [0], 0, DType.Float32);
        using (_counter.KeepDecodedWeights(63))
        {
            layers.Forward();
            Assert.Equal(0, Kept);
        }

        using var kept = _counter.KeepDecodedWeights(64);
        layers.Forward();
        Assert.Equal(64, Kept);
    }

    [Fact]
    public void Keeping_EndsWithItsScope_OrWithTheNext()
    {
        var layers = new Layers(_counter, _region, 64, [96], [16], 0, DType.Float32);
        layers.Forward();
        Assert.Equal(0, Kept);
        var first = _counter.KeepDecodedWeights(long.MaxValue);
        layers.Forward();
        long all = Kept;
        var second = _counter.KeepDecodedWeights(long.MaxValue);
        Assert.Equal(0, Kept);
        layers.Forward();
        first.Dispose();
        Assert.Equal(all, Kept);
        second.Dispose();
        Assert.Equal(0, Kept);
        second.Dispose();
        layers.Forward();
        Assert.Equal(0, Kept);
    }

    /// <summary>The scratch is there for work that runs when decoded weights are gone.</summary>
    [Fact]
    public void Scratch_IsTheSameWithAndWithout()
    {
        var layers = new Layers(_counter, _region, 64, [160, 32], [16, 16], 0, DType.Float32);
        using (_counter.KeepDecodedWeights(long.MaxValue))
        {
            layers.Forward();
            layers.Backward();
        }

        long scratch = _counter.Memory.LiveBytesOf(MemoryOwner.Workspace);
        layers.Forward();
        layers.Backward();
        Assert.Equal(scratch, _counter.Memory.LiveBytesOf(MemoryOwner.Workspace));
    }

    private long Kept => _counter.Memory.LiveBytesOf(MemoryOwner.DecodedWeights);

    private sealed class Layers
    {
        private readonly CudaBackend _backend;
        private readonly Projection[] _projections;
        private readonly Tensor?[] _xas;
        private readonly Tensor[] _ys;
        private readonly Tensor _x;

        public Layers(
            CudaBackend backend, MemoryRegion region, int dim, int[] outDims, int[] ranks, float probability, DType type,
            bool isTrained = false)
        {
            Parameter New(string name, int rows, int columns) =>
                new(name, region.New(name, DType.Float32, rows, columns), region.New(name, DType.Float32, rows, columns));
            _backend = backend;
            _x = region.New("x", DType.BFloat16, Tokens, dim);
            Dropout? NewDropout(int i) => probability > 0 ? new Dropout(probability, region.New("seed", DType.Int64, 2), i) : null;
            LoraAdapter? NewAdapter(int i) =>
                ranks[i] == 0 ? null : new LoraAdapter(New("A", ranks[i], dim), New("B", outDims[i], ranks[i]), 1, NewDropout(i));
            _projections = [.. outDims.Select((outDim, i) =>
                new Projection(region.New("weight", type, outDim, dim), NewAdapter(i))
                {
                    WeightGradient = isTrained ? region.New("gradient", DType.Float32, outDim, dim) : null,
                })];
            _xas = [.. ranks.Select(r => r == 0 ? null : region.New("xa", DType.BFloat16, Tokens, r))];
            _ys = [.. outDims.Select(outDim => region.New("y", DType.BFloat16, Tokens, outDim))];
        }

        public void Forward() => _backend.ProjectForward(_x, _projections, _xas, _ys);

        public void Backward(bool isFirst = false) => _backend.ProjectBackward(_ys, _x, _projections, _xas, isFirst ? null : _x, add: true);
    }
}
