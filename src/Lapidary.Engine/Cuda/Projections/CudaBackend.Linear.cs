using Lapidary.Engine.Cuda.Products;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly MatrixProducts _products;

    /// <inheritdoc/>
    /// <remarks><paramref name="y"/> may also be fp32: logits that are sampled from.</remarks>
    public void LinearForward(Tensor x, Tensor weight, Tensor y)
    {
        if (!MatVec(x, weight, y)) MultiplyForward(x, AsBFloat16(weight, DecodedWeight), y);
    }

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add) => MultiplyBackward(dy, AsBFloat16(weight, DecodedWeight), dx, add);

    /// <summary>y = x · Wᵀ with W in bf16.</summary>
    private void MultiplyForward(Tensor x, nint weight, Tensor y)
    {
        var (tokens, dim) = Rows(x);
        _products.Run(new ProductKind(tokens, Rows(y).Dim, dim, TransposeA: false, TransposeB: true, y.DType), 1, x.Address, weight, 0, y.Address);
    }

    /// <summary>dx = dy · W with W in bf16.</summary>
    private void MultiplyBackward(Tensor dy, nint weight, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dy);
        Product(tokens, Rows(dx).Dim, outDim, 1, dy.Address, transposeA: false, weight, transposeB: false, add ? 1 : 0, dx.Address);
    }

    /// <summary>C[m, n] = alpha · op(A) · op(B) + beta · C, all bf16.</summary>
    private void Product(int m, int n, int k, float alpha, nint a, bool transposeA, nint b, bool transposeB, float beta, nint c) =>
        _products.Run(new ProductKind(m, n, k, transposeA, transposeB, DType.BFloat16), alpha, a, b, beta, c);
}
