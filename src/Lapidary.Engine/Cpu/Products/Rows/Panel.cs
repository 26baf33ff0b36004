namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>A span of some weight rows, decoded: numbers in the order of x, and apart from them the scale of each group.</summary>
internal unsafe struct Panel
{
    /// <summary>fp32 numbers before the scale.</summary>
    public float* Weight;

    /// <summary>Floats from row to row of the numbers.</summary>
    public nint WeightRow;

    /// <summary>A vector of scales for each group.</summary>
    public float* Scales;

    /// <summary>Floats from row to row of the scales.</summary>
    public nint ScaleRow;
}
