namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>What a block of a kernel takes: rows of a weight and of x, by at most so many warps; and whether only a bundle of
/// parts.</summary>
internal sealed record RowTile(int TileRows, int GroupRows, int MaxWarps, bool IsSplit = false)
{
    /// <summary>Parts that a row of a weight has at most: a kernel of few rows takes a warp for each.</summary>
    public const int MaxParts = 32;

    /// <summary>Columns that come to shared memory together where tiles have stages: arranged rows have a multiple of them.</summary>
    public const int StageColumns = 128;

    /// <summary>Shared memory that each block takes besides what it asks for.</summary>
    public const int ReservedBytes = 1024;

    public static readonly RowTile Few = new(TileRows: 16, GroupRows: 8, MaxWarps: MaxParts);
    public static readonly RowTile FewWide = new(TileRows: 32, GroupRows: 8, MaxWarps: 5);
    public static readonly RowTile FewLong = new(TileRows: 16, GroupRows: 8, MaxWarps: 5);
    public static readonly RowTile Many = new(TileRows: 112, GroupRows: 64, MaxWarps: 7);
    public static readonly RowTile Many32 = new(TileRows: 112, GroupRows: 32, MaxWarps: 7);
    public static readonly RowTile Split = new(TileRows: 64, GroupRows: 64, MaxWarps: 16, IsSplit: true);
    public static readonly RowTile Split32 = new(TileRows: 64, GroupRows: 32, MaxWarps: 16, IsSplit: true);
    public static readonly RowTile Wide32 = new(TileRows: 64, GroupRows: 32, MaxWarps: 4);
    public static readonly RowTile Wide64 = Wide32 with { GroupRows = 64 };
    public static readonly RowTile Wide128 = Wide32 with { GroupRows = 128 };
    public static readonly RowTile Square128 = new(TileRows: 128, GroupRows: 128, MaxWarps: 8);
    public static readonly RowTile Narrow32 = Wide32 with { IsSplit = true };
    public static readonly RowTile Narrow64 = Wide64 with { IsSplit = true };
    public static readonly RowTile Narrow128 = Wide128 with { IsSplit = true };
}
