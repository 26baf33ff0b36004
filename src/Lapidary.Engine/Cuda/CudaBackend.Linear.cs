namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly MatrixProducts _products;

    /// <inheritdoc/>
    public void LinearForward(Tensor x, Tensor weight, Tensor y)
    {
        var (tokens, dim) = Rows(x);
        int outDim = Rows(y).Dim;
        nint w = AsBFloat16(weight, "decoded weight");
        _products.Run(new MatrixProduct(tokens, outDim, dim, TransposeA: false, TransposeB: true, y.DType), 1, x.Address, w, 0, y.Address);
    }

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dy);
        int dim = Rows(dx).Dim;
        nint w = AsBFloat16(weight, "decoded weight");
        _products.Run(
            new MatrixProduct(tokens, dim, outDim, TransposeA: false, TransposeB: false, dx.DType), 1, dy.Address, w, add ? 1 : 0, dx.Address);
    }
}
