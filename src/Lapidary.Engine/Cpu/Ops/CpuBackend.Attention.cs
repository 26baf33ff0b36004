using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse)
    {
        var inputs = new AttentionInputs(q, k, v, documentStarts, shape);
        int tileTokens = AttentionKernel.TokensPerTile(inputs.Group);
        int tiles = (inputs.Tokens + tileTokens - 1) / tileTokens;
        long scratchFloats = AttentionKernel.Buffers.LengthFloats(tileTokens * inputs.Group, inputs.HeadDim);
        _team.Run((long)tiles * inputs.KvHeads, grain: 1, new AttentionKernel
        {
            In = inputs,
            O = o.Pointer<float>(),
            Lse = lse.Pointer<float>(),
            TileTokens = tileTokens,
            Tiles = tiles,
            Scratch = (float*)_scratch.Get("attention", scratchFloats * sizeof(float) * _team.Count),
            ScratchFloats = scratchFloats,
        });
    }
    /// <inheritdoc/>
    /// <remarks>Queries are taken in strips. Pass 1 goes over tiles of keys: it forms P and dS, adds to dk and dv of its own tile, and
    /// keeps dS. Pass 2 goes over tiles of queries: dq = dS · k. So no two threads write one row, every product is formed once (five in
    /// all), and the memory is that of one strip.</remarks>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        var inputs = new AttentionInputs(q, k, v, documentStarts, shape);
        int tiles = inputs.Tiles;
        long rowBytes = (long)inputs.Heads * AttentionInputs.Tile * tiles * AttentionInputs.Tile * sizeof(float);
        int stripTiles = (int)Math.Clamp(AttentionGradients.MaxScoreBytes / rowBytes, 1, tiles);
        long productFloats = AttentionGradients.ProductFloats(inputs.HeadDim);
        var gradients = new AttentionGradients
        {
            In = inputs,
            DO = dO.Pointer<float>(),
            Lse = lse.Pointer<float>(),
            Delta = (float*)_scratch.Get("attention delta", lse.Count * sizeof(float)),
            Dq = dq.Pointer<float>(),
            Dk = dk.Pointer<float>(),
            Dv = dv.Pointer<float>(),
            DS = (float*)_scratch.Get("attention dS", stripTiles * rowBytes),
            Scratch = (float*)_scratch.Get("attention", productFloats * sizeof(float) * _team.Count),
            ScratchFloats = productFloats,
        };

        if (OnlyCounts) return;
        var delta = new DeltaKernel { Of = gradients, O = o.Pointer<float>() };
        _team.Run((long)inputs.Tokens * inputs.Heads, WorkerTeam.RowGrain(inputs.HeadDim), delta);
        for (int strip = 0; strip < tiles; strip += stripTiles)
        {
            gradients.TakeStrip(strip, Math.Min(tiles, strip + stripTiles));
            _team.Run((long)gradients.StripKeyTiles * inputs.KvHeads, grain: 1, new KeyGradientKernel { Of = gradients });
            _team.Run((long)gradients.StripTiles * inputs.Heads, grain: 1, new QueryGradientKernel { Of = gradients });
        }
    }
}
