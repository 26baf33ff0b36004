using static Lapidary.Engine.Cuda.Driver.CublasLt;

namespace Lapidary.Engine.Cuda;

/// <summary>Matrix products by cuBLASLt, fp32 sums. Every kind of product is set up once and kept, so that the steady state asks for nothing and
/// allocates nothing.</summary>
internal sealed unsafe class MatrixProducts : IDisposable
{
    /// <summary>What NVIDIA advises for Hopper; older devices need less.</summary>
    private const long WorkspaceBytes = 32L << 20;

    /// <summary>Alignment that cuBLASLt's fastest algorithms ask of an address.</summary>
    private const int FastAlignment = 16;

    private readonly Dictionary<MatrixProduct, Setup> _setups = [];
    private readonly CudaContext? _context;
    private readonly MemoryRegion _region;
    private readonly nint _handle;
    private readonly nint _workspace;

    /// <param name="context">Where the products run; null for a backend that only counts.</param> <param name="memory">Gives the workspace.</param>
    public MatrixProducts(CudaContext? context, Allocator memory)
    {
        _context = context;
        _region = new MemoryRegion(memory, MemoryOwner.Workspace);
        _workspace = _region.Allocate(WorkspaceBytes);
        if (context is null) return;
        nint handle;
        Check(cublasLtCreate(&handle));
        _handle = handle;
    }

    /// <summary>C = alpha · op(A) · op(B) + beta · C, row-major.</summary>
    public void Run(MatrixProduct product, float alpha, nint a, nint b, float beta, nint c)
    {
        if (_context is null) return;
        _context.MakeCurrent();
        product = product with { Aligned = (a | b | c) % FastAlignment == 0 };
        if (!_setups.TryGetValue(product, out var setup))
        {
            setup = Prepare(product);
            _setups.Add(product, setup);
        }

        // Row-major C is column-major Cᵀ = op(B)ᵀ · op(A)ᵀ: cuBLASLt gets B first.
        var algorithm = setup.Algorithm;
        int result = cublasLtMatmul(
            _handle, setup.Desc, &alpha, (void*)b, setup.B, (void*)a, setup.A, &beta, (void*)c, setup.C, (void*)c, setup.C,
            &algorithm, (void*)_workspace, (nuint)WorkspaceBytes, _context.Stream);
        if (result != 0) Check(result, $"the product {product}");
    }

    public void Dispose()
    {
        foreach (var setup in _setups.Values) setup.Free();
        _setups.Clear();
        if (_context is not null) Check(cublasLtDestroy(_handle));
        _region.Dispose();
    }

    private Setup Prepare(MatrixProduct product)
    {
        var (m, n, k) = (product.M, product.N, product.K);
        nint desc, a, b, c, preference;
        Check(cublasLtMatmulDescCreate(&desc, Compute32F, DataType(DType.Float32)));
        int transposed = Transposed;
        if (product.TransposeB) Check(cublasLtMatmulDescSetAttribute(desc, DescTransA, &transposed, sizeof(int)));
        if (product.TransposeA) Check(cublasLtMatmulDescSetAttribute(desc, DescTransB, &transposed, sizeof(int)));
        var (aRows, aColumns) = product.TransposeA ? (k, m) : (m, k);
        var (bRows, bColumns) = product.TransposeB ? (n, k) : (k, n);
        int input = DataType(DType.BFloat16);
        Check(cublasLtMatrixLayoutCreate(&a, input, (ulong)aColumns, (ulong)aRows, product.RowA > 0 ? product.RowA : aColumns));
        Check(cublasLtMatrixLayoutCreate(&b, input, (ulong)bColumns, (ulong)bRows, bColumns));
        Check(cublasLtMatrixLayoutCreate(&c, DataType(product.Output), (ulong)n, (ulong)m, n));

        Check(cublasLtMatmulPreferenceCreate(&preference));
        ulong workspace = (ulong)WorkspaceBytes;
        Check(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceMaxWorkspaceBytes, &workspace, sizeof(ulong)));
        uint alignment = product.Aligned ? (uint)FastAlignment : sizeof(ushort);
        for (int matrix = 0; matrix < 4; matrix++)
            Check(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceMinAlignmentBytesOfA + matrix, &alignment, sizeof(uint)));
        HeuristicResult best;
        int found = 0;
        int result = cublasLtMatmulAlgoGetHeuristic(_handle, desc, b, a, c, c, preference, 1, &best, &found);
        Check(cublasLtMatmulPreferenceDestroy(preference));
        Check(result, $"finding an algorithm for {product}");
        if (found == 0 || best.State != 0) throw new LapidaryException($"cuBLASLt has no algorithm for {product}.");
        return new Setup(desc, a, b, c, best.Algorithm);
    }

    /// <summary>Descriptors of a product, with its algorithm.</summary>
    private sealed class Setup(nint desc, nint a, nint b, nint c, Algorithm algorithm)
    {
        public nint Desc => desc;

        public nint A => a;

        public nint B => b;

        public nint C => c;

        public Algorithm Algorithm => algorithm;

        public void Free()
        {
            Check(cublasLtMatmulDescDestroy(desc));
            foreach (nint layout in (ReadOnlySpan<nint>)[a, b, c]) Check(cublasLtMatrixLayoutDestroy(layout));
        }
    }
}
