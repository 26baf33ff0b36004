using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class SmallProductTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Run_MatchesFp64_AndStaysInItsScratch(bool transposeA, bool transposeB)
    {
        foreach (var (m, n, k) in new[] { (1, 1, 1), (3, 5, 7), (64, 64, 256), (17, 50, 33), (64, 31, 64), (9, 97, 40) })
        {
            using var a = transposeA ? TestMatrix.Float32(k, m + 2, 1) : TestMatrix.Float32(m, k + 2, 1);
            using var b = transposeB ? TestMatrix.Float32(n, k + 1, 2) : TestMatrix.Float32(k, n + 1, 2);
            using var c = TestMatrix.Float32(m, n + 3, 3);
            int scratchFloats = SmallProduct.ScratchFloats(m, n, k);
            using var scratch = TestMatrix.Zeros(1, scratchFloats + 64);
            var guard = scratch.Tensor.AsSpan<float>()[scratchFloats..];
            guard.Fill(7);
            SmallProduct.Run(
                m, n, k, 0.5f, a.Pointer, a.Columns, transposeA, b.Pointer, b.Columns, transposeB, add: true, c.Pointer, n + 3,
                scratch.Pointer);

            Assert.Equal(-1, guard.IndexOfAnyExcept(7f));
            float[] actual = c.ToArray();
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < n + 3; j++)
                {
                    double expected = c[i, j];
                    for (int p = 0; p < k && j < n; p++)
                        expected += 0.5 * (transposeA ? a[p, i] : a[i, p]) * (transposeB ? b[j, p] : b[p, j]);
                    Assert.Equal(expected, actual[i * (n + 3) + j], j < n ? 1e-5 : 0);
                }
            }
        }
    }
}
