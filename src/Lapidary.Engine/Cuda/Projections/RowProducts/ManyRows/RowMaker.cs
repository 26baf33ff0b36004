namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>What makes the rows that a product takes.</summary>
internal enum RowMaker
{
    Norm,
    Attention,
    Gate,
}
