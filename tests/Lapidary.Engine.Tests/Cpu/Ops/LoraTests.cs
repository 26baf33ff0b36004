using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Tests.Cpu;

public class LoraTests
{
    private const int Tokens = 70;
    private const int Dim = 51;
    private const int OutDim = 37;
    private const float Scale = 1.5f;

    /// <summary>Of a run that other runs of the step come before; its index is beyond 32 bits.</summary>
    private const long FirstToken = 100_000_007;

    private static readonly uint FirstElement = unchecked((uint)(FirstToken * Dim));

    [Theory]
    [InlineData(4, 0f)]
    [InlineData(16, 0f)]
    [InlineData(16, 0.3f)]
    public void ForwardAndBackward_MatchFp64(int r, float dropout)
    {
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var data = new Case(r, dropout);
            using var backend = new CpuBackend(threads);
            float[] all = data.Run(backend);
            first ??= all;
            Assert.Equal(first, all);
            if (threads == 1) data.AssertMatches();
        }
    }

    [Fact]
    public void Backward_SkipsWhatIsNotTrained()
    {
        using var data = new Case(8, 0);
        using var backend = new CpuBackend(1);
        var adapter = data.Adapter with { A = data.Adapter.A with { Gradient = null } };
        backend.LoraForward(data.X.Tensor, adapter, data.Xa.Tensor, data.Y.Tensor);
        backend.LoraBackward(data.Dy.Tensor, data.X.Tensor, adapter, data.Xa.Tensor, dx: null);
        Assert.Equal(data.DA.Values, data.DA.ToArray().Select(value => (double)value));
        Assert.NotEqual(data.DB.Values, data.DB.ToArray().Select(value => (double)value));
        Assert.Equal(data.Dx.Values, data.Dx.ToArray().Select(value => (double)value));
    }

    [Fact]
    public unsafe void Dropout_KeepsTheHashedElements_InTheGivenShare()
    {
        const int Count = 100_003;
        using var seed = new MemoryRegion(new HostAllocator(), MemoryOwner.Inputs);
        var dropout = new Dropout(0.25f, Seed(seed, 0, FirstToken), Stream: 3);
        using var ones = TestMatrix.Zeros(1, Count);
        ones.Tensor.AsSpan<float>().Fill(1);
        using var masked = TestMatrix.Zeros(1, Count);
        var task = new DropoutTask(dropout, ones.Pointer, masked.Pointer, Count, Dim, add: false);
        task.Run(0, task.Items, worker: 0);

        float[] values = masked.ToArray();
        uint key = Dropout.Key(0, 3);
        for (int i = 0; i < Count; i++)
            Assert.Equal(Dropout.Hash(key, FirstElement + (uint)i) >= dropout.Threshold ? 1 / 0.75f : 0, values[i]);
        Assert.Equal(0.75, values.Count(value => value > 0) / (double)Count, 0.005); // 3.6 standard deviations
    }

    private static Tensor Seed(MemoryRegion region, long seed, long firstToken)
    {
        var tensor = region.New("seed", DType.Int64, 2);
        (tensor.AsSpan<long>()[0], tensor.AsSpan<long>()[1]) = (seed, firstToken);
        return tensor;
    }

    private sealed class Case : IDisposable
    {
        private readonly MemoryRegion _region = new(new HostAllocator(), MemoryOwner.Inputs);
        private readonly TestMatrix _a, _b;
        private readonly double[] _mask = new double[Tokens * Dim];
        private readonly int _r;

        public Case(int r, float probability)
        {
            _r = r;
            (_a, _b) = (TestMatrix.Float32(r, Dim, 1), TestMatrix.Float32(OutDim, r, 2));
            (DA, DB) = (TestMatrix.Float32(r, Dim, 3), TestMatrix.Float32(OutDim, r, 4));
            Xa = TestMatrix.Zeros(Tokens, r);
            var seed = Seed(_region, 1234567890123, FirstToken);
            var dropout = new Dropout(probability, seed, Stream: 5);
            uint key = Dropout.Key(1234567890123, 5);
            for (int i = 0; i < _mask.Length; i++)
                _mask[i] = Dropout.Hash(key, FirstElement + (uint)i) >= dropout.Threshold ? 1 / (1.0 - probability) : 0;
            Adapter = new LoraAdapter(new Parameter("A", _a.Tensor, DA.Tensor), new Parameter("B", _b.Tensor, DB.Tensor), Scale, dropout);
        }

        public LoraAdapter Adapter { get; }

        public TestMatrix X { get; } = TestMatrix.Float32(Tokens, Dim, 6);

        public TestMatrix Y { get; } = TestMatrix.Float32(Tokens, OutDim, 7);

        public TestMatrix Dy { get; } = TestMatrix.Float32(Tokens, OutDim, 8);

        public TestMatrix Dx { get; } = TestMatrix.Float32(Tokens, Dim, 9);

        public TestMatrix Xa { get; }

        public TestMatrix DA { get; }

        public TestMatrix DB { get; }

        public float[] Run(CpuBackend backend)
        {
            backend.LoraForward(X.Tensor, Adapter, Xa.Tensor, Y.Tensor);
            backend.LoraBackward(Dy.Tensor, X.Tensor, Adapter, Xa.Tensor, Dx.Tensor);
            return [.. Xa.ToArray(), .. Y.ToArray(), .. DA.ToArray(), .. DB.ToArray(), .. Dx.ToArray()];
        }

        public void AssertMatches()
        {
            var xa = Sum(Tokens, _r, Dim, (t, i, p) => X[t, p] * _mask[t * Dim + p] * _a[i, p]);
            var dxa = Sum(Tokens, _r, OutDim, (t, i, o) => Scale * Dy[t, o] * _b[o, i]);
            AssertClose(Xa, xa, 0);
            AssertClose(Y, Sum(Tokens, OutDim, _r, (t, o, i) => Scale * xa[t * _r + i] * _b[o, i]), 1);
            AssertClose(DB, Sum(OutDim, _r, Tokens, (o, i, t) => Scale * Dy[t, o] * xa[t * _r + i]), 1);
            AssertClose(DA, Sum(_r, Dim, Tokens, (i, p, t) => dxa[t * _r + i] * X[t, p] * _mask[t * Dim + p]), 1);
            AssertClose(Dx, Sum(Tokens, Dim, _r, (t, p, i) => dxa[t * _r + i] * _a[i, p] * _mask[t * Dim + p]), 1);
        }

        public void Dispose()
        {
            foreach (var matrix in new[] { _a, _b, X, Y, Dy, Dx, Xa, DA, DB }) matrix.Dispose();
            _region.Dispose();
        }

        private static double[] Sum(int rows, int columns, int length, Func<int, int, int, double> term)
        {
            double[] sums = new double[rows * columns];
            for (int i = 0; i < sums.Length; i++)
            {
                for (int p = 0; p < length; p++) sums[i] += term(i / columns, i % columns, p);
            }

            return sums;
        }

        private static void AssertClose(TestMatrix actual, double[] change, int before)
        {
            float[] values = actual.ToArray();
            for (int i = 0; i < values.Length; i++) Assert.Equal(before * actual.Values[i] + change[i], values[i], 2e-4);
        }
    }
}
