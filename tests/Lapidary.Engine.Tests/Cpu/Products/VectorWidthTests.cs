using System.Globalization;
using System.Runtime.Intrinsics;
using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine.Tests.Cpu;

/// <summary>Which vectors kernels use.</summary>
public class VectorWidthTests
{
    private static int Bits => Vector128.IsHardwareAccelerated ? (int)VectorWidths.Best : 0;

    /// <summary>eng/test-vector-widths.sh turns vector units off by the runtime's environment variables and says what is to be left. A
    /// variable that the runtime no longer knows must not let the same width be tested again in silence.</summary>
    [Fact]
    public void Best_IsWhatTheEnvironmentExpects()
    {
        string? expected = Environment.GetEnvironmentVariable("LAPIDARY_EXPECT_VECTOR_BITS");
        string actual = Bits.ToString(CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine($"Vectors of {actual} bits.");

        Assert.Equal(string.IsNullOrEmpty(expected) ? actual : expected, actual);
    }

    [Fact]
    public void Simd_NamesTheWidthInUse() => Assert.Equal(Bits == 0 ? "no vector unit" : $"{Bits}-bit vectors", CpuBackend.Simd);
}
