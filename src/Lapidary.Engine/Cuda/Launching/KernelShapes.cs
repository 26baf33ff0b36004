namespace Lapidary.Engine.Cuda.Launching;

/// <summary>Sizes as kernels take them, in 32 bits.</summary>
internal static class KernelShapes
{
    /// <summary>Threads of a warp, WARP of common.cuh.</summary>
    public const int WarpSize = 32;

    /// <summary>Largest size of a grid but for its first.</summary>
    public const int MaxGrid = 65535;

    /// <summary>A tensor as a matrix: all axes but the last folded into rows.</summary>
    public static (int Rows, int Dim) Rows(Tensor tensor)
    {
        var (rows, dim) = tensor.AsRows();
        return (checked((int)rows), dim);
    }

    /// <summary>r of an adapter.</summary>
    public static int Rank(LoraAdapter adapter) => Rows(adapter.A.Value).Rows;

    /// <summary>Tiles that cover <paramref name="count"/> elements.</summary>
    public static int Tiles(int count, int tile) => (count + tile - 1) / tile;
}
