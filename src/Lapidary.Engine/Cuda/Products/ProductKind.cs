namespace Lapidary.Engine.Cuda.Products;

/// <summary>A kind of product, C[m, n] = op(A) · op(B), row-major, A and B of the type of activations.</summary>
/// <param name="M">Rows of C.</param>
/// <param name="N">Columns of C.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="TransposeA">Whether A is stored [k, m].</param>
/// <param name="TransposeB">Whether B is stored [n, k].</param>
/// <param name="Output">Type of C: that of activations, or fp32.</param>
internal readonly record struct ProductKind(int M, int N, int K, bool TransposeA, bool TransposeB, DType Output)
{
    /// <summary>Elements from one stored row of A to the next; 0 where rows follow each other.</summary>
    public long RowA { get; init; }

    /// <summary>Whether the product is added to what C holds.</summary>
    public bool Adds { get; init; }

    /// <summary>Whether all addresses are multiples of 16 bytes.</summary>
    public bool Aligned { get; init; }

    /// <summary>Bytes from one stored row of A to the next.</summary>
    internal long RowBytesOfA => (RowA > 0 ? RowA : TransposeA ? M : K) * sizeof(ushort);

    /// <summary>Bytes of a row of C.</summary>
    internal long RowBytesOfC => Output.LengthBytes(N);
}
