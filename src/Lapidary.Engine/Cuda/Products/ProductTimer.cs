using Lapidary.Engine.Cuda.Device;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Products;

/// <summary>Finds the fastest algorithm of a product by running each on the product's own operands.</summary>
internal sealed unsafe class ProductTimer : IDisposable
{
    /// <summary>Upper bound on the temporary copy of C, in bytes. The copy keeps C unchanged if the product is added to it.</summary>
    private const long MaxCopyBytes = 256L << 20;

    private const int Runs = 5;

    /// <summary>Largest time of another algorithm, as a share of that of cuBLASLt's first suggestion. A smaller gain is noise.</summary>
    private const float Margin = 0.97f;

    private readonly CudaContext _context;
    private readonly nint _start;
    private readonly nint _end;

    public ProductTimer(CudaContext context)
    {
        _context = context;
        nint start, end;
        Check(cuEventCreate(&start, 0));
        Check(cuEventCreate(&end, 0));
        (_start, _end) = (start, end);
    }

    /// <summary>Index of the fastest candidate; null if C is too large to copy, or no candidate runs.</summary>
    /// <param name="candidates">Number of candidates.</param>
    /// <param name="product">The product that they compute.</param>
    /// <param name="c">The product's C.</param>
    /// <param name="run">Queues a candidate on a C that may be written; 0 for success.</param>
    public int? Fastest(int candidates, ProductKind product, nint c, Func<int, nint, int> run)
    {
        // A product that overwrites C may run on C itself, again and again.
        nint copy = 0;
        if (product.Adds)
        {
            long lengthBytes = product.Output.LengthBytes((long)product.M * product.N);
            if (lengthBytes > MaxCopyBytes || cuMemAlloc(&copy, (nuint)lengthBytes) != 0) return null;
        }

        float best = float.PositiveInfinity;
        int? fastest = null;
        for (int i = 0; i < candidates; i++)
        {
            float time = Time(i, copy != 0 ? copy : c, run);
            if (time >= best * (fastest == 0 ? Margin : 1)) continue;
            (best, fastest) = (time, i);
        }

        if (copy != 0) Check(cuMemFree(copy));
        return fastest;
    }

    public void Dispose()
    {
        Check(cuEventDestroy(_start));
        Check(cuEventDestroy(_end));
    }

    /// <summary>Milliseconds of all runs, after one that warms up; +∞ if the algorithm does not support the product after all.</summary>
    private float Time(int candidate, nint c, Func<int, nint, int> run)
    {
        if (run(candidate, c) != 0) return float.PositiveInfinity;
        Check(cuEventRecord(_start, _context.Stream));
        for (int i = 0; i < Runs; i++) _ = run(candidate, c);
        Check(cuEventRecord(_end, _context.Stream));
        Check(cuEventSynchronize(_end));
        float milliseconds;
        Check(cuEventElapsedTime(&milliseconds, _start, _end));
        return milliseconds;
    }
}
