using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Bits of the vectors that a product's kernels use.</summary>
internal enum VectorWidth
{
    /// <summary>SSE, NEON, or the runtime's own emulation: runs everywhere.</summary>
    Bits128 = 128,

    /// <summary>AVX2 with FMA.</summary>
    Bits256 = 256,

    /// <summary>AVX-512.</summary>
    Bits512 = 512,
}

/// <summary>Choice of the vector width.</summary>
internal static class VectorWidths
{
    /// <summary>The widest that the machine accelerates.</summary>
    public static VectorWidth Best { get; } = Vector512.IsHardwareAccelerated ? VectorWidth.Bits512
        : Vector256.IsHardwareAccelerated ? VectorWidth.Bits256
        : VectorWidth.Bits128;

    /// <summary>Floats in a vector.</summary>
    public static int Lanes(this VectorWidth width) => (int)width / 32;
}
