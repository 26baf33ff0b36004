using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Shared by the passes.</summary>
internal unsafe struct AttentionGradients
{
    /// <summary>Upper bound on the bytes of dS kept between the two passes of a strip.</summary>
    public const long MaxScoreBytes = 64L << 20;

    public AttentionInputs In;
    public float* DO, Lse, Delta, Dq, Dk, Dv, DS, Scratch;
    public long ScratchFloats;

    /// <summary>The strip's tiles of queries, and the first tile of keys that they see.</summary>
    public int FirstTile, EndTile, FirstKeyTile;

    /// <summary>Tiles of queries in the strip.</summary>
    public readonly int StripTiles => EndTile - FirstTile;

    /// <summary>Tiles of keys that the strip sees.</summary>
    public readonly int StripKeyTiles => EndTile - FirstKeyTile;

    /// <summary>Floats from row to row of dS.</summary>
    public readonly int ScoreStride => StripKeyTiles * AttentionInputs.Tile;

    /// <summary>Floats of scratch per worker: a tile of scores, and scratch of the products.</summary>
    public static long ProductFloats(int headDim) => (AttentionInputs.Tile * AttentionInputs.Tile) + ((Math.Max(
        SmallProduct.ScratchFloats(AttentionInputs.Tile, AttentionInputs.Tile, headDim),
        SmallProduct.ScratchFloats(AttentionInputs.Tile, headDim, AttentionInputs.Tile)) + 15) & ~15);

    public void TakeStrip(int first, int end) => (FirstTile, EndTile, FirstKeyTile) = (first, end, In.FirstKeyTile(first));

    /// <summary>dS of a head: rows from the first token of <paramref name="queryTile"/>, columns from the first key of
    /// <paramref name="keyTile"/>.</summary>
    public readonly float* Scores(int head, int queryTile, int keyTile) =>
        DS + ((nint)head * StripTiles + queryTile - FirstTile) * AttentionInputs.Tile * ScoreStride
        + (keyTile - FirstKeyTile) * AttentionInputs.Tile;
}
