using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>One call of <see cref="RowsKernel{V}"/>: products of some weight rows and a tile of x over a span of whole groups.</summary>
internal unsafe struct RowsTile
{
    /// <summary>First byte of the weight.</summary>
    public void* Weight;

    /// <summary>Scales of NF4.</summary>
    public Nf4Blocks Blocks;

    /// <summary>Flat index of the span's first element.</summary>
    public nint First;

    /// <summary>Elements of the span.</summary>
    public nint Count;

    /// <summary>Elements from weight row to weight row.</summary>
    public nint RowLength;

    /// <summary>Weight rows.</summary>
    public int WeightRows;

    /// <summary>Rows of x: 1 or 2.</summary>
    public int Height;

    /// <summary>Group by group, in each the rows one after the other.</summary>
    public float* X;

    /// <summary>[WeightRows, Height] vectors.</summary>
    public float* Totals;
}
