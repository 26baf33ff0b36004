using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Products.Rows;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class RowsProductTests
{
    /// <summary>Every width with every weight type.</summary>
    public static TheoryData<int, WeightKind> Kernels
    {
        get
        {
            var kernels = new TheoryData<int, WeightKind>();
            foreach (int width in MatrixProductTests.Widths.Select(row => row.Data))
            {
                foreach (var kind in Enum.GetValues<WeightKind>()) kernels.Add(width, kind);
            }

            return kernels;
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Run_MatchesFp64(int bits, WeightKind kind)
    {
        (int, int)[] sizes = [(1, 1), (17, 5), (33, 31), (16, 64), (40, 65), (15, 128), (7, 192), (50, 384), (3, 1152), (19, 1409)];
        foreach (int rows in new[] { 1, 2, 3, 4, 5, 8, 9 })
        {
            foreach (var (n, k) in sizes) Check((VectorWidth)bits, kind, rows, n, k);
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    [InlineData(4096)]
    public void Run_MatchesFp64_ForEveryBlockSize(int blockSize)
    {
        foreach (int bits in MatrixProductTests.Widths.Select(row => row.Data))
        {
            foreach (int rows in new[] { 1, 2, 5 })
            {
                Check((VectorWidth)bits, WeightKind.NF4, rows, 19, 256, blockSize);
                Check((VectorWidth)bits, WeightKind.NestedNF4, rows, 35, 96, blockSize); // blocks cross rows
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Run_GivesARowTheSameBits_AloneAndAmongOthers(int bits, WeightKind kind)
    {
        foreach (int k in new[] { 5, 640, 1100, 4352 })
        {
            const int N = 37, Most = 70;
            using var weight = TestMatrix.Create(kind, N, k, 1);
            using var x = TestMatrix.Float32(Most, k, 2);
            float[] all = Run((VectorWidth)bits, weight, x, Most, threads: 2);
            foreach (int rows in new[] { 1, 2, 3, 4, 7, 8, 33 })
                Assert.Equal(all[..(rows * N)], Run((VectorWidth)bits, weight, x, rows, threads: 1));
            foreach (int row in new[] { 1, 30, 69 })
            {
                using var alone = TestMatrix.Zeros(1, k);
                x.Tensor.AsSpan<float>().Slice(row * k, k).CopyTo(alone.Tensor.AsSpan<float>());
                Assert.Equal(all[(row * N)..((row + 1) * N)], Run((VectorWidth)bits, weight, alone, 1, threads: 1));
            }
        }
    }

    [Fact]
    public void Run_GivesARowTheSameBits_BesideNaN()
    {
        using var weight = TestMatrix.Create(WeightKind.BFloat16, 20, 300, 1);
        using var x = TestMatrix.Float32(6, 300, 2);
        float[] before = Run(VectorWidths.Best, weight, x, 6, threads: 1);
        x.Tensor.AsSpan<float>()[600..900].Fill(float.NaN);
        float[] after = Run(VectorWidths.Best, weight, x, 6, threads: 1);
        Assert.All(after[40..60], value => Assert.True(float.IsNaN(value)));
        Assert.Equal(before[..40], after[..40]);
        Assert.Equal(before[60..], after[60..]);
    }

    [Theory]
    [InlineData(WeightKind.NestedNF4, 1)]
    [InlineData(WeightKind.NestedNF4, 9)]
    [InlineData(WeightKind.BFloat16, 1)]
    [InlineData(WeightKind.BFloat16, 9)]
    public void Run_HasTheSameBits_ForAnyNumberOfThreads(WeightKind kind, int rows)
    {
        using var weight = TestMatrix.Create(kind, 1000, 384, 1);
        using var x = TestMatrix.Float32(rows, 384, 2);
        float[] one = Run(VectorWidths.Best, weight, x, rows, threads: 1);
        foreach (int threads in new[] { 2, 3 }) Assert.Equal(one, Run(VectorWidths.Best, weight, x, rows, threads));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    public void Run_AllocatesNothing(int rows)
    {
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 300, 384, 1);
        using var x = TestMatrix.Float32(rows, 384, 2);
        using var y = TestMatrix.Zeros(rows, 300);
        using var team = new WorkerTeam(2);
        using var scratch = new Scratch(new HostAllocator());
        var operand = Operand.Of(weight.Tensor, "test");
        TeamMemory.AllocatesNothing(team, () =>
            RowsProduct.Run(team, scratch, VectorWidths.Best, operand, rows, 300, 384, x.Pointer, y.Pointer));
    }

    /// <summary>x · Wᵀ for the first rows of x; what lies after the result must stay untouched.</summary>
    private static float[] Run(VectorWidth width, TestMatrix weight, TestMatrix x, int rows, int threads)
    {
        const float Untouched = 12345;
        int n = weight.Rows, k = weight.Columns;
        using var y = TestMatrix.Zeros(rows + 1, n);
        y.Tensor.AsSpan<float>().Fill(Untouched);
        using var team = new WorkerTeam(threads);
        using var scratch = new Scratch(new HostAllocator());
        RowsProduct.Run(team, scratch, width, Operand.Of(weight.Tensor, "test"), rows, n, k, x.Pointer, y.Pointer);
        float[] result = y.ToArray();
        Assert.All(result[(rows * n)..], value => Assert.Equal(Untouched, value));
        return result[..(rows * n)];
    }

    private static void Check(VectorWidth width, WeightKind kind, int rows, int n, int k, int blockSize = 64)
    {
        using var weight = TestMatrix.Create(kind, n, k, 1, blockSize);
        using var x = TestMatrix.Float32(rows, k, 2);
        float[] actual = Run(width, weight, x, rows, threads: 1);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double expected = 0, magnitude = 0;
                for (int p = 0; p < k; p++)
                {
                    double term = x[i, p] * weight[j, p];
                    expected += term;
                    magnitude += Math.Abs(term);
                }

                double error = Math.Abs(actual[i * n + j] - expected);
                Assert.True(error <= 1e-6 * magnitude, $"{kind} {rows}x{n}x{k} at [{i}, {j}]: {actual[i * n + j]}, expected {expected}");
            }
        }
    }
}
