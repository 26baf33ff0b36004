using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int LoraMatVecThreads = 512;

    /// <summary>Rows of y that a block of lora_matvec.cu takes.</summary>
    private const int LoraMatVecRows = 128;

    /// <summary>The most rows of A that lora_matvec.cu takes.</summary>
    private const int LoraMatVecMostR = 256;

    /// <summary>Elements of A above which it costs more to read it in every block than to launch several kernels.</summary>
    private const long LoraMatVecMostA = 1L << 19;

    private readonly Kernel _loraMatVec = new("lora_matvec.cu", "lora_matvec");

    /// <summary>xa = x · Aᵀ, y += s · xa · Bᵀ of a single token without dropout, in one launch.</summary>
    /// <returns>False where the kernel does not take the shape: r and in must be multiples of 4, and A must not be large.</returns>
    private bool LoraMatVec(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y)
    {
        Tensor a = adapter.A.Value, b = adapter.B.Value;
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, rows = Rows(y).Dim;
        if (tokens != 1 || Active(adapter.Dropout) is not null || (r | dim) % 4 != 0 || r > LoraMatVecMostR || a.Count > LoraMatVecMostA
            || (a.Address | b.Address) % 16 != 0 || x.Address % 8 != 0)
        {
            return false;
        }

        Launch(_loraMatVec, Tiles(rows, LoraMatVecRows), LoraMatVecThreads, sharedBytes: 0, new LoraMatVecArgs
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
