using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.MatVec;

/// <summary>An adapter of a single token.</summary>
internal sealed class LoraMatVecKernel(Launcher launcher)
{
    private const int Threads = 512;

    /// <summary>Rows of y for each block of lora_matvec.cu.</summary>
    private const int BlockRows = 128;

    /// <summary>Largest number of rows of A in lora_matvec.cu.</summary>
    private const int MaxR = 256;

    /// <summary>Elements of A above which it costs more to read it in every block than to launch several kernels.</summary>
    private const long MaxElementsOfA = 1L << 19;

    private readonly Kernel _loraMatVec = new("lora_matvec.cu", "lora_matvec");

    /// <summary>xa = x · Aᵀ, y += s · xa · Bᵀ of a single token without dropout, in one launch.</summary>
    /// <returns>False if the kernel does not support the shape: r and in must be multiples of 4, and A must not be large.</returns>
    public bool TryRun(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y)
    {
        Tensor a = adapter.A.Value, b = adapter.B.Value;
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, rows = Rows(y).Dim;
        if (tokens != 1 || adapter.Dropout is { Probability: > 0 } || (r | dim) % 4 != 0 || r > MaxR || a.Count > MaxElementsOfA
            || (a.Address | b.Address) % 16 != 0 || x.Address % 8 != 0)
        {
            return false;
        }

        launcher.Launch(_loraMatVec, Tiles(rows, BlockRows), Threads, sharedBytes: 0, new LoraMatVecArgs
        {
            X = x.Address,
            A = a.Address,
            B = b.Address,
            Xa = xa.Address,
            Y = y.Address,
            R = r,
            Dim = dim,
            Rows = rows,
            Scale = adapter.Scale,
        });
        return true;
    }

    private struct LoraMatVecArgs
    {
        public nint X, A, B, Xa, Y;
        public int R, Dim, Rows;
        public float Scale;
    }
}
