using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

namespace Lapidary.Engine.Cuda.Attention.Cached;

/// <summary>What the kernels of attention over a cache take.</summary>
internal struct CachedAttentionArgs
{
    public nint Q, Slots, Positions, Keys, Values, Tops, Sums, Arrivals, O;
    public int Heads, KvHeads, HeadDim, Capacity, Window, Chunks;
    public float Scale;
    public ArrangedCopy Copy;
}
