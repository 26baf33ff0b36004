using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>y = W · x for one x, row by row, directly from the weight's type; limited by memory or by decoding.</summary>
internal static unsafe class MatrixVector
{
    /// <summary>Rows of W per item of work.</summary>
    private const int ItemRows = 16;

    /// <summary>Elements decoded at a time for types without a kernel.</summary>
    private const int RoomFloats = 1024;

    /// <summary>Computes the product.</summary>
    /// <param name="team">Threads.</param>
    /// <param name="scratch">For x in the order of NF4 codes.</param>
    /// <param name="width">Vectors to use.</param>
    /// <param name="weight">[n, k].</param>
    /// <param name="n">Length of y.</param>
    /// <param name="k">Length of x.</param>
    /// <param name="x">[k].</param>
    /// <param name="y">[n].</param>
    public static void Run(WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, int n, int k, float* x, float* y)
    {
        var rows = new RowTask { Width = width, Weight = weight, N = n, K = k, X = x, Y = y };
        if (weight.Type == DType.NF4 && Nf4Dot.Supports(width, k))
        {
            rows.OrderedX = (float*)scratch.Get("matrix-vector x", (long)k * sizeof(float));
            if (!team.IsIdle) Nf4Dot.Order(x, k, rows.OrderedX);
        }

        team.For((n + ItemRows - 1) / ItemRows, 4, ref rows);
    }

    private struct RowTask : IRange
    {
        public VectorWidth Width;
        public Operand Weight;
        public int N, K;
        public float* X, OrderedX, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int start, int end, int worker)
        {
            float* room = stackalloc float[RoomFloats];
            for (int row = start * ItemRows; row < Math.Min(end * ItemRows, N); row++)
            {
                nint first = row * Weight.RowLength;
                Y[row] = Weight.Type switch
                {
                    DType.Float32 => RowDot.Float32((float*)Weight.Data + first, X, K),
                    DType.BFloat16 => RowDot.BFloat16((ushort*)Weight.Data + first, X, K),
                    DType.Float16 => RowDot.Float16((ushort*)Weight.Data + first, X, K),
                    _ when OrderedX != null => Nf4Dot.Run((byte*)Weight.Data, in Weight.Blocks, first, OrderedX, K),
                    _ => Decoded(first, room),
                };
            }
        }

        private readonly float Decoded(nint first, float* room)
        {
            float sum = 0;
            for (int p = 0; p < K; p += RoomFloats)
            {
                int count = Math.Min(RoomFloats, K - p);
                Weight.Read(Width, first + p, count, room);
                sum += RowDot.Float32(room, X + p, count);
            }

            return sum;
        }
    }
}
