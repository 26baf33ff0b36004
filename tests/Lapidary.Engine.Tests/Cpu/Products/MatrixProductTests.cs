using System.Runtime.Intrinsics;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class MatrixProductTests
{
    public static TheoryData<int> Widths
    {
        get
        {
            var widths = new TheoryData<int> { 128 };
            if (Vector256.IsHardwareAccelerated) widths.Add(256);
            if (Vector512.IsHardwareAccelerated) widths.Add(512);
            return widths;
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Run_MatchesFp64_ForEveryWeightTypeAndUse(int bits)
    {
        var width = (VectorWidth)bits;
        foreach (var kind in Enum.GetValues<WeightKind>())
        {
            (int, int, int)[] sizes = [(1, 1, 1), (3, 17, 5), (17, 63, 65), (65, 64, 129), (8, 48, 64), (129, 131, 63), (31, 200, 401)];
            foreach (var (m, n, k) in sizes)
            {
                Check(width, m, n, k, kind, transposeA: false, transposeB: true, add: false);
                Check(width, m, n, k, kind, transposeA: false, transposeB: false, add: true);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Run_MatchesFp64_ForEveryEdgeOfATile(int bits)
    {
        var width = (VectorWidth)bits;
        int rows = MicroKernel.Rows(width), columns = MicroKernel.Columns(width);
        for (int m = 1; m <= rows + 1; m++)
        {
            for (int n = 1; n <= columns + 1; n++) Check(width, m, n, 7, WeightKind.Float32, m % 2 == 0, n % 2 == 0, add: n % 3 == 0);
        }

        for (int m = 1; m <= rows + 1; m++)
            Check(width, m, 2 * columns + m, 9, WeightKind.Float32, m % 2 == 0, transposeB: false, add: true);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Run_MatchesFp64_ForATransposedA(int bits)
    {
        var width = (VectorWidth)bits;
        foreach (var (m, n, k) in new[] { (16, 300, 129), (300, 16, 129), (1, 5, 3), (101, 150, 385) })
            Check(width, m, n, k, WeightKind.Float32, transposeA: true, transposeB: false, add: true);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(256)]
    [InlineData(4096)]
    public void Run_ReadsNf4BlocksThatCrossRows(int blockSize)
    {
        foreach (int k in new[] { 33, 96, 130 })
        {
            Check(VectorWidths.Best, 9, 77, k, WeightKind.NestedNF4, false, transposeB: true, add: false, blockSize);
            Check(VectorWidths.Best, 9, k, 77, WeightKind.NF4, false, transposeB: false, add: false, blockSize);
        }
    }

    [Theory]
    [InlineData(512, 300, 200)]
    [InlineData(700, 20, 500)]
    [InlineData(5, 1500, 400)]
    [InlineData(20, 70, 8300)] // longer than one span of packed A
    [InlineData(1000, 110, 6200)] // more rows than are packed at a time
    public void Run_HasTheSameBits_ForAnyNumberOfThreads(int m, int n, int k)
    {
        using var a = TestMatrix.Float32(m, k, 1);
        using var b = TestMatrix.Create(WeightKind.NF4, n, k, 2);
        using var c = TestMatrix.Zeros(m, n);
        float[]? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var team = new WorkerTeam(threads);
            using var scratch = new Scratch(new HostAllocator());
            MatrixProduct.Run(
                team, scratch, VectorWidths.Best, m, n, k, 1, a.Pointer, k, false, Operand.Of(b.Tensor, "test"), true, false, c.Pointer, n);
            first ??= c.ToArray();
            Assert.Equal(first, c.ToArray());
        }

        for (int i = 0; i < m; i += 97) AssertRow(first!, a, b, i, n, k);
    }

    /// <summary>Steps over prompts rely on it: a token must not depend on how its text is cut into steps.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Run_GivesARowTheSameBits_ForAnyNumberOfRows(int bits)
    {
        const int Most = 200;
        foreach (var kind in Enum.GetValues<WeightKind>())
        {
            foreach (var (n, k, add) in new[] { (100, 1000, false), (16, 1152, false), (300, 16, true), (260, 64, false) })
            {
                using var a = TestMatrix.Float32(Most, k, 1);
                using var b = TestMatrix.Create(kind, n, k, 2);
                float[] all = Product(Most, threads: 2);
                foreach (int m in new[] { 1, 2, 3, 7, 47, 48, 49, 96 })
                    Assert.Equal(all[..(m * n)], Product(m, threads: 1 + m % 3));

                float[] Product(int m, int threads)
                {
                    using var c = TestMatrix.Float32(m, n, 3);
                    using var team = new WorkerTeam(threads);
                    using var scratch = new Scratch(new HostAllocator());
                    MatrixProduct.Run(
                        team, scratch, (VectorWidth)bits, m, n, k, 0.75f, a.Pointer, k, false, Operand.Of(b.Tensor, "test"), true, add,
                        c.Pointer, n);
                    return c.ToArray();
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Reserve_IsEnoughForEverySmallerProduct(int bits)
    {
        const int M = 700, N = 200, K = 7000; // more rows and longer sums than are packed at a time
        var width = (VectorWidth)bits;
        using var memory = TestMatrix.Zeros(1, 1); // an idle team reads nothing
        var operand = Operand.Of(memory.Pointer, N);
        var team = WorkerTeam.Idle(3);
        foreach (int reserved in new[] { 65, 385, K })
        {
            using var scratch = new Scratch(new CountingAllocator());
            MatrixProduct.Reserve(team, scratch, width, M, N, reserved);
            int moves = scratch.Moves;
            foreach (int m in new[] { 1, 13, 699, M })
            {
                for (int k = 1; k <= reserved; k += k < 1200 ? 1 : 97)
                {
                    MatrixProduct.Run(team, scratch, width, m, N, k, 1, memory.Pointer, k, false, operand, false, false, memory.Pointer, N);
                    Assert.True(moves == scratch.Moves, $"{m} × {N} × {k} needs more than {M} × {N} × {reserved}.");
                }
            }
        }
    }

    [Fact]
    public void Run_AllocatesNothing()
    {
        using var a = TestMatrix.Float32(130, 200, 1);
        using var b = TestMatrix.Create(WeightKind.NestedNF4, 300, 200, 2);
        using var c = TestMatrix.Zeros(130, 300);
        using var team = new WorkerTeam(2);
        using var scratch = new Scratch(new HostAllocator());
        var operand = Operand.Of(b.Tensor, "test");
        TeamMemory.AllocatesNothing(team, () => MatrixProduct.Run(
            team, scratch, VectorWidths.Best, 130, 300, 200, 1, a.Pointer, 200, false, operand, true, false, c.Pointer, 300), times: 15);
    }

    private static void AssertRow(float[] c, TestMatrix a, TestMatrix b, int i, int n, int k)
    {
        for (int j = 0; j < n; j++)
        {
            double sum = 0, magnitude = 0;
            for (int p = 0; p < k; p++)
            {
                sum += a[i, p] * b[j, p];
                magnitude += Math.Abs(a[i, p] * b[j, p]);
            }

            Assert.InRange(c[i * n + j], sum - 1e-6 * magnitude, sum + 1e-6 * magnitude);
        }
    }

    private static void Check(
        VectorWidth width, int m, int n, int k, WeightKind kind, bool transposeA, bool transposeB, bool add, int blockSize = 64)
    {
        const float Alpha = 0.75f;
        using var a = transposeA ? TestMatrix.Float32(k, m, 1) : TestMatrix.Float32(m, k, 1);
        using var b = transposeB ? TestMatrix.Create(kind, n, k, 2, blockSize) : TestMatrix.Create(kind, k, n, 2, blockSize);
        using var c = TestMatrix.Float32(m, n + 3, 3);
        using var team = new WorkerTeam(1);
        using var scratch = new Scratch(new HostAllocator());
        MatrixProduct.Run(
            team, scratch, width, m, n, k, Alpha, a.Pointer, a.Columns, transposeA, Operand.Of(b.Tensor, "test"), transposeB, add,
            c.Pointer, n + 3);

        float[] actual = c.ToArray();
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n + 3; j++)
            {
                double expected = add || j >= n ? c[i, j] : 0, magnitude = j < n ? Math.Abs(expected) : 0;
                for (int p = 0; p < k && j < n; p++)
                {
                    double term = Alpha * (transposeA ? a[p, i] : a[i, p]) * (transposeB ? b[j, p] : b[p, j]);
                    expected += term;
                    magnitude += Math.Abs(term);
                }

                double error = Math.Abs(actual[i * (n + 3) + j] - expected);
                Assert.True(error <= 1e-6 * magnitude, $"{kind} {m}x{n}x{k} at [{i}, {j}]: {actual[i * (n + 3) + j]}, expected {expected}");
            }
        }
    }
}
