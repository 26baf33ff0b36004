namespace Lapidary.Engine.Cpu.Products;

/// <summary>The innermost product of every matrix product: a tile of C that stays in registers over the whole sum.</summary>
internal static unsafe class MicroKernel
{
    /// <summary>Floats of the largest tile of any width, for tiles that do not fit C.</summary>
    public const int TileFloats = MicroKernel512.Rows * MicroKernel512.Columns;

    /// <summary>Rows of a tile.</summary>
    public static int Rows(VectorWidth width) => width switch
    {
        VectorWidth.Bits512 => MicroKernel512.Rows,
        VectorWidth.Bits256 => MicroKernel256.Rows,
        _ => MicroKernel128.Rows,
    };

    /// <summary>Columns of the widest tile.</summary>
    public static int Columns(VectorWidth width) => width switch
    {
        VectorWidth.Bits512 => MicroKernel512.Columns,
        VectorWidth.Bits256 => MicroKernel256.Columns,
        _ => MicroKernel128.Columns,
    };

    /// <summary>Computes <paramref name="columns"/> columns of a tile. B must be readable to the next whole vector.</summary>
    /// <param name="width">Vectors to use.</param>
    /// <param name="tile">What to compute.</param>
    /// <param name="columns">1 … <see cref="Columns"/>.</param>
    /// <param name="spare"><see cref="TileFloats"/> floats, for columns that are not whole vectors.</param>
    public static void Run(VectorWidth width, in Tile tile, int columns, float* spare)
    {
        int lanes = width.Lanes();
        int padded = (columns + lanes - 1) / lanes * lanes;
        if (padded == columns)
        {
            RunWhole(width, in tile, columns);
            return;
        }

        var whole = tile;
        whole.C = spare;
        whole.CRow = padded;
        whole.Add = false;
        RunWhole(width, in whole, padded);
        for (nint i = 0; i < tile.Rows; i++)
        {
            float* from = spare + i * padded, to = tile.C + i * tile.CRow;
            for (int j = 0; j < columns; j++) to[j] = tile.Add ? to[j] + from[j] : from[j];
        }
    }

    private static void RunWhole(VectorWidth width, in Tile tile, int columns)
    {
        switch (width)
        {
            case VectorWidth.Bits512: MicroKernel512.Run(in tile, columns); break;
            case VectorWidth.Bits256: MicroKernel256.Run(in tile, columns); break;
            default: MicroKernel128.Run(in tile, columns); break;
        }
    }
}
