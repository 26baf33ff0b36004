using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>A matrix of 16-bit elements and the size of boxes of it that kernels copy: CUtensorMap. What lies outside the matrix is copied
/// as zeros.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TensorMap
{
    private const int Count = 16, Alignment = 64;

    // CUtensorMapDataType, -Interleave, -Swizzle, -L2promotion, -FloatOOBfill.
    private const int UInt16 = 1, NotInterleaved = 0, ChunksOfLinesOf128Bytes = 3, WholeLines = 3, Zeros = 0;

    public fixed ulong Words[Count];

    /// <summary>Describes a matrix.</summary>
    /// <param name="address">Of its first element, a multiple of 16.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="dim">Columns.</param>
    /// <param name="pitch">Elements from a row to the next, a multiple of 8.</param>
    /// <param name="boxRows">Rows of a box, of which each has 64 columns, a line of 128 bytes in shared memory.</param>
    public static TensorMap Of(nint address, int rows, int dim, int pitch, int boxRows)
    {
        ulong* words = stackalloc ulong[Count + (Alignment / sizeof(ulong))];
        ulong* map = (ulong*)(((nuint)words + Alignment - 1) & ~(nuint)(Alignment - 1));
        ulong* dims = stackalloc ulong[] { (ulong)dim, (ulong)rows };
        ulong stride = (ulong)pitch * sizeof(ushort);
        uint* box = stackalloc uint[] { 64, (uint)boxRows };
        uint* elementStrides = stackalloc uint[] { 1, 1 };
        Check(cuTensorMapEncodeTiled(
            map, UInt16, 2, address, dims, &stride, box, elementStrides, NotInterleaved, ChunksOfLinesOf128Bytes, WholeLines, Zeros));
        return Unsafe.ReadUnaligned<TensorMap>(map);
    }
}
