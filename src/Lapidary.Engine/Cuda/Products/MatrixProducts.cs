using System.Runtime.InteropServices;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Cuda.Device;
using static Lapidary.Engine.Cuda.Driver.CublasLt;

namespace Lapidary.Engine.Cuda.Products;

/// <summary>Matrix products by cuBLASLt, fp32 sums. Every kind of product is set up once, with the algorithm that is fastest by
/// <see cref="ProductTimer"/>, and kept, so that the steady state allocates nothing.</summary>
/// <remarks>Which algorithm was fastest is kept on disk too, per device and version of cuBLASLt: the next process starts at once, and gives
/// the same bits. If several ranks need a product at the same time, one of them finds the algorithm for all ranks of the machine.</remarks>
internal sealed unsafe class MatrixProducts : IDisposable
{
    /// <summary>NVIDIA's recommendation for Hopper; older devices need less.</summary>
    private const long WorkspaceBytes = 32L << 20;

    /// <summary>Address alignment that cuBLASLt's fastest algorithms require.</summary>
    public const int FastAlignment = 16;

    private readonly Dictionary<(ProductKind Product, int PieceRows), ProductSetup> _setups = [];
    private readonly CudaContext? _context;
    private readonly KernelCache _cache;
    private readonly string _device;
    private readonly DType _input;
    private readonly MemoryRegion _region;
    private readonly nint _handle;
    private readonly nint _workspace;

    /// <summary>Sets cuBLASLt up.</summary>
    /// <param name="context">The context of the products; null for a backend that only counts.</param>
    /// <param name="memory">Provides the workspace.</param>
    /// <param name="cache">Stores the fastest algorithms.</param>
    /// <param name="device">The device on which they are fastest.</param>
    /// <param name="input">Type of the factors: BFloat16 or Float16.</param>
    public MatrixProducts(CudaContext? context, Allocator memory, KernelCache cache, string device, DType input)
    {
        (_context, _cache, _device, _input) = (context, cache, device, input);
        _region = new MemoryRegion(memory, MemoryOwner.Workspace);
        _workspace = _region.Allocate(WorkspaceBytes);
        if (context is null) return;
        nint handle;
        Check(cublasLtCreate(&handle));
        _handle = handle;
    }

    /// <summary>C = alpha · op(A) · op(B) + beta · C, row-major.</summary>
    /// <param name="product">The kind of product.</param>
    /// <param name="alpha">A factor.</param>
    /// <param name="a">Address of A.</param>
    /// <param name="b">Address of B.</param>
    /// <param name="beta">A factor.</param>
    /// <param name="c">Address of C.</param>
    /// <param name="pieceRows">If not 0, C's rows have the bits that they have in products of so many rows, of which
    /// <see cref="ProductKind.M"/> is a multiple.</param>
    public void Run(ProductKind product, float alpha, nint a, nint b, float beta, nint c, int pieceRows = 0)
    {
        if (_context is null) return;
        _context.MakeCurrent();
        product = product with { Adds = beta != 0, Aligned = (a | b | c) % FastAlignment == 0 };
        var setup = SetupOf(_context, product, product.M > pieceRows ? pieceRows : 0, a, b, c);
        for (int row = 0; row < product.M; row += setup.Product.M)
        {
            nint rowsOfA = a + (nint)(row * product.RowBytesOfA), rowsOfC = c + (nint)(row * product.RowBytesOfC);
            int result = Queue(_context, setup, alpha, rowsOfA, b, beta, rowsOfC);
            if (result != 0) Check(result, $"the product {product}");
        }
    }

    public void Dispose()
    {
        foreach (var setup in _setups.Values.Distinct()) setup.Dispose();
        _setups.Clear();
        if (_context is not null) Check(cublasLtDestroy(_handle));
        _region.Dispose();
    }

    /// <summary>The setup of a product, or of its pieces.</summary>
    /// <remarks>An algorithm cuts the sums of all its rows in the same way, so products of more rows with the algorithm of a piece have the
    /// same bits. If it does not support so many rows, as when it stores parts of sums in the workspace, the pieces run one by
    /// one.</remarks>
    private ProductSetup SetupOf(CudaContext context, ProductKind product, int pieceRows, nint a, nint b, nint c)
    {
        if (_setups.TryGetValue((product, pieceRows), out var setup)) return setup;
        setup = new ProductSetup(product, _input);
        if (pieceRows == 0)
        {
            setup.Algorithm = Choose(context, setup, a, b, c);
        }
        else
        {
            if (product.M % pieceRows != 0 || product.TransposeA || product.Adds)
                throw new ArgumentException($"{product} has no pieces of {pieceRows} rows.", nameof(pieceRows));
            var piece = SetupOf(context, product with { M = pieceRows }, 0, a, b, c);
            setup.Algorithm = piece.Algorithm;
            if (Queue(context, setup, 1, a, b, 0, c) != 0)
            {
                setup.Dispose();
                setup = piece;
            }
        }

        _setups.Add((product, pieceRows), setup);
        return setup;
    }

    /// <summary>Queues a product; cublasStatus_t.</summary>
    private int Queue(CudaContext context, ProductSetup setup, float alpha, nint a, nint b, float beta, nint c) =>
        setup.Run(_handle, setup.Algorithm, alpha, a, b, beta, c, _workspace, (nuint)WorkspaceBytes, context.Stream);

    private Algorithm Choose(CudaContext context, ProductSetup setup, nint a, nint b, nint c)
    {
        string of = _input == DType.BFloat16 ? "product" : $"product of {_input}";
        string key = KernelCache.Key(of, _device, $"cuBLASLt {cublasLtGetVersion()}", setup.Product.ToString());
        if (_cache.Find(key) is { } kept) return MemoryMarshal.Read<Algorithm>(kept);
        using var turn = _cache.TakeTurn(key);
        if (_cache.Find(key) is { } others) return MemoryMarshal.Read<Algorithm>(others);
        var candidates = setup.Candidates(_handle, (ulong)WorkspaceBytes);
        using var timer = new ProductTimer(context);
        float beta = setup.Product.Adds ? 1 : 0;
        int? fastest = timer.Fastest(candidates.Length, setup.Product, c, (i, target) =>
            setup.Run(_handle, candidates[i], 1, a, b, beta, target, _workspace, (nuint)WorkspaceBytes, context.Stream));
        // A product that was not timed is not stored: the next process tries again.
        if (fastest is { } best) _cache.Keep(key, MemoryMarshal.AsBytes(candidates.AsSpan(best, 1)).ToArray());
        return candidates[fastest ?? 0];
    }
}
