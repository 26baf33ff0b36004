using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>How attention is cut into tiles, as far as forward and backward share it.</summary>
internal sealed class AttentionTiling(CudaRuntime runtime)
{
    /// <summary>Whether a block may have so much shared memory.</summary>
    public bool Fits(int sharedBytes) => sharedBytes <= (runtime.Thresholds.AttentionSharedBytes ?? runtime.Device.MaxSharedBytesPerBlock);

    /// <summary>Whether tiles of so many warps leave no multiprocessor idle; else smaller ones are faster.</summary>
    public bool FillsDevice(AttentionShape shape, int tokens, int warps)
    {
        var grid = QueryRowGrid(shape, tokens, warps);
        return runtime.Thresholds.AttentionSharedBytes is not null || grid.X * grid.Y >= runtime.Device.Multiprocessors;
    }

    /// <summary>Key heads by tiles of the query rows that share one, 16 rows for each warp.</summary>
    public static Dim3 QueryRowGrid(AttentionShape shape, int tokens, int warps) =>
        new(shape.KvHeads, KernelShapes.Tiles(checked(tokens * (shape.Heads / shape.KvHeads)), 16 * warps));
}

/// <summary>Which keys a token sees, as attention.cuh has it.</summary>
internal struct Visibility
{
    public nint DocumentStarts;
    public int Tokens, Window;
}
