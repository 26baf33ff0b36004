using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>The tiling of attention that forward and backward share.</summary>
internal sealed class AttentionTiling(CudaRuntime runtime)
{
    /// <summary>Whether a block may use this much shared memory.</summary>
    public bool Fits(int sharedBytes) => sharedBytes <= (runtime.Thresholds.AttentionSharedBytes ?? runtime.SharedBytes);

    /// <summary>Whether tiles of this many warps keep all multiprocessors busy; if not, smaller tiles are faster.</summary>
    public bool FillsDevice(AttentionShape shape, int tokens, int warps)
    {
        var grid = QueryRowGrid(shape, tokens, warps);
        return runtime.Thresholds.AttentionSharedBytes is not null || grid.X * grid.Y >= runtime.Device.Multiprocessors;
    }

    /// <summary>Key heads by tiles of the query rows that share one, 16 rows for each warp.</summary>
    public static Dim3 QueryRowGrid(AttentionShape shape, int tokens, int warps) =>
        new(shape.KvHeads, KernelShapes.Tiles(checked(tokens * (shape.Heads / shape.KvHeads)), 16 * warps));
}

/// <summary>The keys that a token sees, in the form of attention.cuh.</summary>
internal struct Visibility
{
    public nint DocumentStarts;
    public int Tokens, Window;
}
