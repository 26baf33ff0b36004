using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CublasLt;

namespace Lapidary.Engine.Cuda.Products;

/// <summary>cuBLASLt's descriptors of one kind of product.</summary>
internal sealed unsafe class ProductSetup : IDisposable
{
    private const int MaxCandidates = 12;

    private readonly nint _desc, _a, _b, _c;

    /// <summary>Describes a product of factors of a type.</summary>
    public ProductSetup(ProductKind product, DType factors)
    {
        Product = product;
        var (m, n, k) = (product.M, product.N, product.K);
        nint desc, a, b, c;
        Check(cublasLtMatmulDescCreate(&desc, Compute32F, DataType(DType.Float32)));
        int transposed = Transposed;
        if (product.TransposeB) Check(cublasLtMatmulDescSetAttribute(desc, DescTransA, &transposed, sizeof(int)));
        if (product.TransposeA) Check(cublasLtMatmulDescSetAttribute(desc, DescTransB, &transposed, sizeof(int)));
        var (aRows, aColumns) = product.TransposeA ? (k, m) : (m, k);
        var (bRows, bColumns) = product.TransposeB ? (n, k) : (k, n);
        int input = DataType(factors);
        Check(cublasLtMatrixLayoutCreate(&a, input, (ulong)aColumns, (ulong)aRows, product.RowA > 0 ? product.RowA : aColumns));
        Check(cublasLtMatrixLayoutCreate(&b, input, (ulong)bColumns, (ulong)bRows, bColumns));
        Check(cublasLtMatrixLayoutCreate(&c, DataType(product.Output), (ulong)n, (ulong)m, n));
        (_desc, _a, _b, _c) = (desc, a, b, c);
    }

    /// <summary>The kind of product.</summary>
    public ProductKind Product { get; }

    /// <summary>The algorithm to run it with.</summary>
    public Algorithm Algorithm { get; set; }

    /// <summary>Algorithms for the product; those that cuBLASLt expects to be fastest come first.</summary>
    /// <exception cref="LapidaryException">cuBLASLt has no algorithm.</exception>
    public Algorithm[] Candidates(nint handle, ulong workspaceBytes)
    {
        nint preference;
        Check(cublasLtMatmulPreferenceCreate(&preference));
        Check(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceMaxWorkspaceBytes, &workspaceBytes, sizeof(ulong)));
        if (Product.Output == DType.Float16)
        {
            // Sums of parts must not be kept in fp16, whose range they may leave.
            uint schemes = ReductionInComputeType;
            Check(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceReductionSchemes, &schemes, sizeof(uint)));
        }

        uint alignment = Product.Aligned ? (uint)MatrixProducts.FastAlignment : sizeof(ushort);
        for (int matrix = 0; matrix < 4; matrix++)
            Check(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceMinAlignmentBytesOfA + matrix, &alignment, sizeof(uint)));
        var results = new HeuristicResult[MaxCandidates];
        int found = 0, result;
        fixed (HeuristicResult* first = results)
            result = cublasLtMatmulAlgoGetHeuristic(handle, _desc, _b, _a, _c, _c, preference, MaxCandidates, first, &found);
        Check(cublasLtMatmulPreferenceDestroy(preference));
        Check(result, $"finding an algorithm for {Product}");
        Algorithm[] candidates = [.. results.Take(found).Where(candidate => candidate.State == 0).Select(candidate => candidate.Algorithm)];
        return candidates.Length > 0 ? candidates : throw new LapidaryException($"cuBLASLt has no algorithm for {Product}.");
    }

    /// <summary>C = alpha · op(A) · op(B) + beta · C, row-major; cublasStatus_t.</summary>
    public int Run(
        nint handle, Algorithm algorithm, float alpha, nint a, nint b, float beta, nint c, nint workspace, nuint workspaceBytes,
        nint stream) =>
        // Row-major C is column-major Cᵀ = op(B)ᵀ · op(A)ᵀ: cuBLASLt gets B first.
        cublasLtMatmul(
            handle, _desc, &alpha, (void*)b, _b, (void*)a, _a, &beta, (void*)c, _c, (void*)c, _c, &algorithm,
            (void*)workspace, workspaceBytes, stream);

    /// <inheritdoc/>
    public void Dispose()
    {
        Check(cublasLtMatmulDescDestroy(_desc));
        foreach (nint layout in (ReadOnlySpan<nint>)[_a, _b, _c]) Check(cublasLtMatrixLayoutDestroy(layout));
    }
}
