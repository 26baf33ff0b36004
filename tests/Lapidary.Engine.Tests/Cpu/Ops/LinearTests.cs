using Lapidary.Engine.Tensors;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class LinearTests
{
    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.BFloat16)]
    [InlineData(WeightKind.Float16)]
    [InlineData(WeightKind.NF4)]
    [InlineData(WeightKind.NestedNF4)]
    public void Forward_MatchesFp64_FromOneTokenOn(WeightKind kind)
    {
        foreach (int blockSize in kind >= WeightKind.NF4 ? new[] { 32, 64, 256 } : [64])
        {
            foreach (var (tokens, outDim, dim) in new[] { (1, 1, 1), (1, 130, 256), (2, 33, 384), (3, 20, 77), (4, 9, 1300), (5, 40, 128) })
            {
                using var x = TestMatrix.Float32(tokens, dim, 1);
                using var weight = TestMatrix.Create(kind, outDim, dim, 2, blockSize);
                float[]? first = null;
                foreach (int threads in new[] { 1, 2, 3 })
                {
                    using var y = TestMatrix.Zeros(tokens, outDim);
                    using var backend = new CpuBackend(threads);
                    backend.LinearForward(x.Tensor, weight.Tensor, y.Tensor);
                    first ??= y.ToArray();
                    Assert.Equal(first, y.ToArray());
                }

                for (int i = 0; i < tokens * outDim; i++)
                {
                    double expected = 0;
                    for (int p = 0; p < dim; p++) expected += x[i / outDim, p] * weight[i % outDim, p];
                    Assert.Equal(expected, first![i], 2e-6 * dim + 1e-6);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_OverwritesOrAdds(bool add)
    {
        using var backend = new CpuBackend(2);
        using var dy = TestMatrix.Float32(7, 65, 1);
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 65, 51, 2);
        using var dx = TestMatrix.Float32(7, 51, 3);
        backend.LinearBackward(dy.Tensor, weight.Tensor, dx.Tensor, add);
        float[] actual = dx.ToArray();
        for (int i = 0; i < actual.Length; i++)
        {
            double expected = add ? dx.Values[i] : 0;
            for (int p = 0; p < 65; p++) expected += dy[i / 51, p] * weight[p, i % 51];
            Assert.Equal(expected, actual[i], 1e-4);
        }
    }

    [Fact]
    public void Forward_AllocatesNothing_ForOneToken()
    {
        using var backend = new CpuBackend(1);
        using var x = TestMatrix.Float32(1, 256, 1);
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 300, 256, 2);
        using var y = TestMatrix.Zeros(1, 300);
        Assert.Equal(0, ManagedMemory.FewestBytes(() => backend.LinearForward(x.Tensor, weight.Tensor, y.Tensor), times: 15));
    }

    [Fact]
    public void Forward_RefusesWeightsOfIndices()
    {
        using var backend = new CpuBackend(1);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        using var x = TestMatrix.Float32(1, 4, 1);
        using var y = TestMatrix.Zeros(1, 4);
        Assert.Throws<ShapeException>(() => backend.LinearForward(x.Tensor, region.New("w", DType.Int32, 4, 4), y.Tensor));
    }

    [Fact]
    public void Float16_IsWidenedExactly_ForEveryBitPattern()
    {
        ushort[] from = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        float[] to = new float[65536];
        fixed (ushort* source = from)
        {
            fixed (float* target = to) Widen.FromHalf(source, from.Length, target);
        }

        for (int i = 0; i < 65536; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            if (float.IsNaN(expected)) Assert.True(float.IsNaN(to[i]));
            else Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(to[i]));
        }
    }
}
