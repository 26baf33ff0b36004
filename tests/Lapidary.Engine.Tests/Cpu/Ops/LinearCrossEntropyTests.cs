using Lapidary.Engine.Memory;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cpu;

public class LinearCrossEntropyTests
{
    [Theory]
    [InlineData(9, 33, 20, WeightKind.Float32)]
    [InlineData(70, 301, 64, WeightKind.BFloat16)]
    [InlineData(90, 3001, 5, WeightKind.Float16)]
    public void LossAndGradients_MatchFp64_ForAnyNumberOfThreads(int tokens, int vocabulary, int dim, WeightKind kind)
    {
        using var h = TestMatrix.Float32(tokens, dim, 1);
        using var weight = TestMatrix.Create(kind, vocabulary, dim, 2);
        using var labels = new Labels(tokens, vocabulary);
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var run = new Run(threads, h, weight, labels.Tensor);
            first ??= run.All;
            Assert.Equal(first, run.All);
            if (run.All == first) run.AssertMatches(h, weight, labels.Values);
        }
    }

    [Fact]
    public void LossAlone_NeedsNoGradients()
    {
        using var h = TestMatrix.Float32(5, 8, 1);
        using var weight = TestMatrix.Float32(11, 8, 2);
        using var labels = new Labels(5, 11);
        using var all = new Run(1, h, weight, labels.Tensor);
        using var alone = new Run(1, h, weight, labels.Tensor, gradients: false);
        Assert.Equal(all.Losses.ToArray(), alone.Losses.ToArray());
        Assert.Equal(alone.Dh.Values, alone.Dh.ToArray().Select(value => (double)value));
    }

    /// <summary>A plan of a run's memory knows the tokens, not which of them have labels.</summary>
    [Theory]
    [InlineData(false, 90)]
    [InlineData(true, 90)]
    [InlineData(true, 450)] // sums over 450 tokens come in shorter blocks than those over 338 with labels
    public void Memory_IsThatOfACounter_WhateverIsLabelled(bool trainsHead, int tokens)
    {
        const int Dim = 300; // wide enough for packing at every vector width
        using var h = TestMatrix.Float32(tokens, Dim, 1);
        using var weight = TestMatrix.Float32(40, Dim, 2);
        using var labels = new Labels(tokens, weight.Rows);
        using TestMatrix losses = TestMatrix.Zeros(1, tokens), hits = TestMatrix.Zeros(1, tokens), dh = TestMatrix.Zeros(tokens, Dim);
        using TestMatrix dWeight = TestMatrix.Zeros(weight.Rows, Dim), scale = TestMatrix.Zeros(1, 1);

        long Bytes(CpuBackend backend)
        {
            using (backend)
            {
                backend.LinearCrossEntropy(
                    h.Tensor, weight.Tensor, labels.Tensor, scale.Tensor, losses.Tensor, hits.Tensor, dh.Tensor,
                    trainsHead ? dWeight.Tensor : null, tokens, LogitsMemory.LeanBytes);
                return backend.Memory.PeakBytes;
            }
        }

        long counted = Bytes(CpuBackend.CreateCounter(2));

        Assert.Equal(counted, Bytes(new CpuBackend(2)));
        labels.Tensor.AsSpan<int>().Fill(-100);
        Assert.Equal(counted, Bytes(new CpuBackend(2)));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(-1)]
    public void LabelOutOfRange_IsAUserError(int label)
    {
        using var h = TestMatrix.Float32(5, 8, 1);
        using var weight = TestMatrix.Float32(11, 8, 2);
        using var labels = new Labels(5, 11);
        labels.Tensor.AsSpan<int>()[3] = label;
        var error = Assert.Throws<LapidaryException>(() => new Run(1, h, weight, labels.Tensor).Dispose());
        Assert.Contains($"Label {label} of token 3", error.Message, StringComparison.Ordinal);
    }

    private sealed class Labels : IDisposable
    {
        private readonly MemoryRegion _region = new(new HostAllocator(), MemoryOwner.Inputs);

        public Labels(int tokens, int vocabulary)
        {
            Tensor = _region.New("labels", DType.Int32, tokens);
            Values = Enumerable.Range(0, tokens).Select(t => t % 4 == 1 ? -100 : (int)((long)t * 7919 % vocabulary)).ToArray();
            Values.CopyTo(Tensor.AsSpan<int>());
        }

        public Tensor Tensor { get; }

        public int[] Values { get; }

        public void Dispose() => _region.Dispose();
    }

    private sealed class Run : IDisposable
    {
        private const float LossScale = 0.125f;

        public Run(int threads, TestMatrix h, TestMatrix weight, Tensor labels, bool gradients = true)
        {
            (Losses, Hits) = (TestMatrix.Zeros(1, h.Rows), TestMatrix.Zeros(1, h.Rows));
            (Dh, DWeight) = (TestMatrix.Float32(h.Rows, h.Columns, 3), TestMatrix.Float32(weight.Rows, weight.Columns, 4));
            using var scale = TestMatrix.Zeros(1, 1);
            scale.Tensor.AsSpan<float>()[0] = LossScale;
            using var backend = new CpuBackend(threads);
            backend.LinearCrossEntropy(
                h.Tensor, weight.Tensor, labels, scale.Tensor, Losses.Tensor, Hits.Tensor, gradients ? Dh.Tensor : null,
                gradients ? DWeight.Tensor : null, h.Rows, maxLogitsBytes: 64 << 10); // several chunks
            All = [.. Losses.ToArray(), .. Hits.ToArray(), .. Dh.ToArray(), .. DWeight.ToArray()];
        }

        public TestMatrix Losses { get; }

        public TestMatrix Hits { get; }

        public TestMatrix Dh { get; }

        public TestMatrix DWeight { get; }

        public float[] All { get; }

        public void AssertMatches(TestMatrix h, TestMatrix weight, int[] labels)
        {
            int vocabulary = weight.Rows, dim = weight.Columns;
            float[] losses = Losses.ToArray(), hits = Hits.ToArray(), dh = Dh.ToArray(), dWeight = DWeight.ToArray();
            double[] expectedDWeight = [.. DWeight.Values];
            double[] z = new double[vocabulary];
            for (int t = 0; t < labels.Length; t++)
            {
                double[] expectedDh = new double[dim];
                if (labels[t] >= 0)
                {
                    for (int v = 0; v < vocabulary; v++)
                    {
                        z[v] = 0;
                        for (int i = 0; i < dim; i++) z[v] += h[t, i] * weight[v, i];
                    }

                    double largest = z.Max(), target = z[labels[t]], lse = largest + Math.Log(z.Sum(value => Math.Exp(value - largest)));
                    Assert.Equal(lse - target, losses[t], 1e-5 * Math.Max(1, lse));
                    Assert.Equal(target >= largest ? 1 : 0, hits[t]);
                    for (int v = 0; v < vocabulary; v++)
                    {
                        double dz = (Math.Exp(z[v] - lse) - (v == labels[t] ? 1 : 0)) * LossScale;
                        for (int i = 0; i < dim; i++)
                        {
                            expectedDh[i] += dz * weight[v, i];
                            expectedDWeight[v * dim + i] += dz * h[t, i];
                        }
                    }
                }
                else
                {
                    Assert.Equal((0f, 0f), (losses[t], hits[t]));
                }

                for (int i = 0; i < dim; i++) Assert.Equal(expectedDh[i], dh[t * dim + i], 1e-5);
            }

            for (int i = 0; i < dWeight.Length; i++)
            {
                if (!(Math.Abs(expectedDWeight[i] - dWeight[i]) <= 1e-5))
                    Assert.Fail($"dWeight[{i}] is {dWeight[i]}, expected {expectedDWeight[i]}");
            }
        }

        public void Dispose()
        {
            foreach (var matrix in new[] { Losses, Hits, Dh, DWeight }) matrix.Dispose();
        }
    }
}
