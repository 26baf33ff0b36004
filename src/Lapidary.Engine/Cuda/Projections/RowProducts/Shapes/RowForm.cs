namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>A form of a weight that has kernels of its own.</summary>
internal enum RowForm
{
    Nf4,
    Nested,
    BFloat16,
    Float16,
    Float32,
    Any,
}
