namespace Lapidary.Engine.Cpu.Products;

/// <summary>One call of a microkernel: C[Rows, width] = Alpha · A · B, or C += where Add is set. Width is a whole number of
/// vectors.</summary>
/// <remarks>A is read one float at a time with any strides, so it may be packed, plain or transposed; rows of B are read as
/// vectors.</remarks>
internal unsafe struct Tile
{
    /// <summary>Length of the sums.</summary>
    public nint K;

    /// <summary>Rows in use, 1 … <see cref="MicroKernel.Rows"/>; the others are computed from a row in use and not stored.</summary>
    public nint Rows;

    /// <summary>First element of A.</summary>
    public float* A;

    /// <summary>Floats from row to row of A.</summary>
    public nint ARow;

    /// <summary>Floats from column to column of A.</summary>
    public nint AColumn;

    /// <summary>First element of B, [K, width].</summary>
    public float* B;

    /// <summary>Floats from row to row of B.</summary>
    public nint BRow;

    /// <summary>First element of C.</summary>
    public float* C;

    /// <summary>Floats from row to row of C.</summary>
    public nint CRow;

    /// <summary>Factor of the product.</summary>
    public float Alpha;

    /// <summary>Whether to add to C.</summary>
    public bool Add;
}
