using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections;

/// <summary>Linear layers without an adapter, and products with weights that are already of the type of activations.</summary>
internal sealed class LinearProducts(CudaRuntime runtime, WeightDecoder decoder)
{
    /// <inheritdoc cref="IOps.LinearForward"/>
    public void Forward(Tensor x, Tensor weight, Tensor y) =>
        Multiply(x, decoder.AsActivations(weight, ProjectionWeights.ScratchPurpose), y);

    /// <inheritdoc cref="IOps.LinearBackward"/>
    public void Backward(Tensor dy, Tensor weight, Tensor dx, bool add) =>
        MultiplyBackward(dy, decoder.AsActivations(weight, ProjectionWeights.ScratchPurpose), dx, add);

    /// <summary>y = x · Wᵀ with W of the type of activations.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="y">[tokens, out].</param>
    /// <param name="pieceRows">See <see cref="MatrixProducts.Run"/>.</param>
    public void Multiply(Tensor x, nint weight, Tensor y, int pieceRows = 0)
    {
        var (tokens, dim) = Rows(x);
        var product = new ProductKind(tokens, Rows(y).Dim, dim, TransposeA: false, TransposeB: true, y.DType);
        runtime.Products.Run(product, 1, x.Address, weight, 0, y.Address, pieceRows);
    }

    /// <summary>dx = dy · W with W of the type of activations.</summary>
    public void MultiplyBackward(Tensor dy, nint weight, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dy);
        Product(tokens, Rows(dx).Dim, outDim, dy.Address, weight, transposeB: false, add, dx.Address, dx.DType);
    }

    /// <summary>dWeight += dyᵀ · x in fp32.</summary>
    public void AddWeightGradient(Tensor dy, Tensor x, Tensor dWeight)
    {
        var (tokens, outDim) = Rows(dy);
        var product = new ProductKind(outDim, Rows(x).Dim, tokens, TransposeA: true, TransposeB: false, DType.Float32);
        runtime.Products.Run(product, 1, dy.Address, x.Address, 1, dWeight.Address);
    }

    /// <summary>C[m, n] = A · op(B), plus C where <paramref name="add"/>; A and B of the type of activations.</summary>
    public void Product(int m, int n, int k, nint a, nint b, bool transposeB, bool add, nint c, DType output) =>
        runtime.Products.Run(new ProductKind(m, n, k, TransposeA: false, transposeB, output), 1, a, b, add ? 1 : 0, c);
}
