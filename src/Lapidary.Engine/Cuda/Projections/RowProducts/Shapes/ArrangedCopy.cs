namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>As arranged_rows.cuh has it: what a kernel writes beside its rows; by default nothing.</summary>
internal struct ArrangedCopy
{
    public nint Words;
    public int Run;
}
