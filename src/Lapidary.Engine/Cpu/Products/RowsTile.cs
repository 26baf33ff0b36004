namespace Lapidary.Engine.Cpu.Products;

/// <summary>One call of <see cref="RowsKernel{V}"/>: running sums of some weight rows × some rows of x over a number of groups.</summary>
internal unsafe struct RowsTile
{
    /// <summary>Decoded weight, fp32 in the order of x.</summary>
    public float* Weight;

    /// <summary>Floats from weight row to weight row.</summary>
    public nint WeightRow;

    /// <summary>A vector of scales for each group.</summary>
    public float* Scales;

    /// <summary>Floats from weight row to weight row of the scales.</summary>
    public nint ScaleRow;

    /// <summary>Group by group, in each the rows one after the other.</summary>
    public float* X;

    /// <summary>Rows of x, 1 … 4.</summary>
    public int Rows;

    /// <summary>Groups to sum.</summary>
    public int Groups;

    /// <summary>A vector of running sums for each row of x.</summary>
    public float* Totals;

    /// <summary>Floats from weight row to weight row of the totals.</summary>
    public nint TotalRow;

    /// <summary>Like a row of totals: receives those of rows of x that do not exist.</summary>
    public float* Spare;
}
