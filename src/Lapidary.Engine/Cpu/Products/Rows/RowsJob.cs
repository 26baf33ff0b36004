namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>A product of few rows, and how it is cut.</summary>
internal unsafe struct RowsJob
{
    public VectorWidth Width;

    /// <summary>[N, K].</summary>
    public Operand Weight;

    public int Rows, N, K;

    /// <summary>[Rows, K] and [Rows, N].</summary>
    public float* X, Y;

    /// <summary>K up to whole groups, and the part of it that is read in groups from the weight.</summary>
    public int PaddedK, WholeK;

    /// <summary>x in tiles of <see cref="Height"/> rows; in each, group by group, the rows one after the other.</summary>
    public float* Ordered;

    /// <summary>Memory of the workers.</summary>
    public float* Scratch;

    /// <summary>Floats of a worker.</summary>
    public int WorkerFloats;

    /// <summary>Weight rows of an item of work, a multiple of 8: many where an item is little work.</summary>
    public readonly int ItemRows => InRegisters ? 64 : 16;

    /// <summary>Whether x meets weights that are decoded in registers, not in a panel.</summary>
    public readonly bool InRegisters => Rows <= 2;

    /// <summary>Rows of a tile of x; <see cref="PanelKernel{V}"/> takes four.</summary>
    public readonly int Height => InRegisters ? Rows : 4;

    /// <summary>Tiles of x.</summary>
    public readonly int Tiles => (Rows + Height - 1) / Height;

    /// <summary>Rows of all tiles.</summary>
    public readonly int PaddedRows => Tiles * Height;

    /// <summary>A tile of x.</summary>
    public readonly float* Tile(int tile) => Ordered + (nint)tile * Height * PaddedK;
}
