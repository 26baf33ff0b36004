using Lapidary.Engine.Cpu.Products;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void LinearForward(Tensor x, Tensor weight, Tensor y)
    {
        var (tokens, dim) = Rows(x);
        var operand = Operand.Of(weight, nameof(LinearForward));
        int outDim = Rows(y).Dim;
        Product(tokens, outDim, dim, 1, x.Pointer<float>(), transposeA: false, operand, transposeB: true, add: false, y.Pointer<float>());
    }

    /// <inheritdoc/>
    public void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dy);
        var operand = Operand.Of(weight, nameof(LinearBackward));
        int dim = Rows(dx).Dim;
        Product(tokens, dim, outDim, 1, dy.Pointer<float>(), transposeA: false, operand, transposeB: false, add, dx.Pointer<float>());
    }

    /// <summary>dWeight += dyᵀ · x.</summary>
    private void AddWeightGradient(Tensor dy, Tensor x, Tensor dWeight)
    {
        var (tokens, outDim) = Rows(dy);
        var operand = Operand.Of(x, nameof(ProjectBackward));
        int dim = Rows(x).Dim;
        Product(
            outDim, dim, tokens, 1, dy.Pointer<float>(), transposeA: true, operand, transposeB: false, add: true, dWeight.Pointer<float>());
    }

    private static (int Rows, int Dim) Rows(Tensor tensor)
    {
        var (rows, dim) = tensor.AsRows();
        return (checked((int)rows), dim);
    }

    /// <summary>C[m, n] = alpha · op(A) · op(B), or C +=, for dense A and C.</summary>
    private void Product(
        int m, int n, int k, float alpha, float* a, bool transposeA, in Operand b, bool transposeB, bool add, float* c) =>
        MatrixProduct.Run(
            _team, _scratch, VectorWidths.Best, m, n, k, alpha, a, transposeA ? m : k, transposeA, in b, transposeB, add, c, n);

    /// <summary>Requests the scratch of all products with at most m rows and sums of at most k terms.</summary>
    private void ReserveProduct(int m, int n, int k) => MatrixProduct.Reserve(_team, _scratch, VectorWidths.Best, m, n, k);
}
