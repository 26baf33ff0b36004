using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>C = alpha · op(A) · op(B), or C += for fp32 A and C and a B of any weight type, which is decoded block by block while it is
/// packed and never stored whole.</summary>
/// <remarks>
/// A is packed once; then each task packs a block of B into its worker's cache and uses it for all its rows of A. Packing follows K. Goto
/// and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", with a block of B in the second-level cache.
/// The threads decide how C is cut into tasks, but sums run over blocks of K of a length that only K decides, so no result depends on them.
/// </remarks>
internal static unsafe class MatrixProduct
{
    /// <summary>Longest block of K.</summary>
    private const int MaxBlockK = 384;

    /// <summary>Widest block of B; a multiple of every microkernel's columns, as is <see cref="MinBlockN"/>.</summary>
    private const int MaxBlockN = 192;

    /// <summary>Narrowest block of B, unless B has fewer columns.</summary>
    private const int MinBlockN = 48;

    /// <summary>Longest run of K for which A is packed at a time.</summary>
    private const int MaxSpanK = 16 * MaxBlockK;

    /// <summary>Floats of A that are packed at a time: 16 MB.</summary>
    private const int MaxPackedA = 4 << 20;

    /// <summary>Tasks for each thread, if there are several threads and the product is large enough. The last tasks balance the
    /// load.</summary>
    private const int TasksPerThread = 6;

    /// <summary>Fewest rows of a task.</summary>
    private const int MinTaskRows = 64;

    /// <summary>Computes the product.</summary>
    /// <param name="team">Threads.</param>
    /// <param name="scratch">For packed blocks.</param>
    /// <param name="width">Vectors to use.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">[m, k], or [k, m] where transposed.</param>
    /// <param name="lda">Floats from row to row of a.</param>
    /// <param name="transposeA">Whether a holds the transpose.</param>
    /// <param name="b">[k, n], or [n, k] where transposed.</param>
    /// <param name="transposeB">Whether b holds the transpose.</param>
    /// <param name="add">Whether to add to C.</param>
    /// <param name="c">[m, n]; must not overlap a or b.</param>
    /// <param name="ldc">Floats from row to row of c.</param>
    public static void Run(
        WorkerTeam team, Scratch scratch, VectorWidth width, int m, int n, int k, float alpha, float* a, nint lda, bool transposeA,
        in Operand b, bool transposeB, bool add, float* c, nint ldc)
    {
        if (m <= 0 || n <= 0 || k <= 0) throw new ArgumentOutOfRangeException(nameof(m), $"Product of {m} × {n} × {k}.");
        int tileRows = MicroKernel.Rows(width), tileColumns = MicroKernel.Columns(width);
        int blockK = RoundUp((k - 1) / ((k - 1) / MaxBlockK + 1) + 1, 64);
        int spanK = Math.Min(k, MaxSpanK / blockK * blockK);
        bool pack = PacksA(width, n);
        int rowsAtOnce = pack ? Math.Min(m, MaxPackedA / spanK / tileRows * tileRows) : m;

        var task = new BlockTask
        {
            Width = width,
            M = m,
            N = n,
            K = k,
            BlockK = blockK,
            Alpha = alpha,
            B = b,
            TransposeB = transposeB,
            C = c,
            CRow = ldc,
            TileRows = tileRows,
            TileColumns = tileColumns,
        };
        task.Partition(rowsAtOnce, Tasks(team));
        task.WorkerFloats = WorkerFloats(width, task.BlockN, k);
        task.Scratch = (float*)scratch.Get("product blocks", (long)task.WorkerFloats * team.Count * sizeof(float));
        float* packed = pack ? (float*)scratch.Get("product A", PackedFloats(width, m, k) * sizeof(float)) : null;

        for (int p = 0; p < k; p += spanK)
        {
            (task.FirstK, task.EndK, task.Add) = (p, Math.Min(k, p + spanK), add || p > 0);
            for (int i = 0; i < m; i += rowsAtOnce)
            {
                (task.FirstM, task.EndM) = (i, Math.Min(m, i + rowsAtOnce));
                float* first = transposeA ? a + p * lda + i : a + i * lda + p;
                if (pack)
                {
                    var packA = new PackTask
                    {
                        A = first,
                        ARow = lda,
                        Transposed = transposeA,
                        M = task.EndM - i,
                        K = task.EndK - p,
                        TileRows = tileRows,
                        To = packed,
                    };
                    team.For((packA.M + PackTask.Rows - 1) / PackTask.Rows, 1, ref packA);
                    task.A = packed;
                    (task.ARow, task.AColumn, task.APanel) = (1, tileRows, (nint)tileRows * packA.K);
                }
                else
                {
                    task.A = first;
                    (task.ARow, task.AColumn) = transposeA ? ((nint)1, lda) : (lda, (nint)1);
                    task.APanel = tileRows * task.ARow;
                }

                team.For(task.Count, 1, ref task);
            }
        }
    }

    /// <summary>Requests the scratch of all products up to these sizes, so that an operation whose sizes depend on data uses the same
    /// memory for all data.</summary>
    /// <param name="team">Threads.</param>
    /// <param name="scratch">For packed blocks.</param>
    /// <param name="width">Vectors to use.</param>
    /// <param name="m">Largest number of rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Largest length of the sums.</param>
    public static void Reserve(WorkerTeam team, Scratch scratch, VectorWidth width, int m, int n, int k)
    {
        var task = new BlockTask { N = n, TileRows = MicroKernel.Rows(width) };
        task.Partition(m, Tasks(team));
        scratch.Get("product blocks", (long)WorkerFloats(width, task.BlockN, k) * team.Count * sizeof(float));
        if (PacksA(width, n)) scratch.Get("product A", PackedFloats(width, m, k) * sizeof(float));
    }

    /// <summary>Whether enough tiles read A again to make packing it worthwhile.</summary>
    private static bool PacksA(VectorWidth width, int n) => n > 2 * MicroKernel.Columns(width);

    private static int Tasks(WorkerTeam team) => team.Count == 1 ? 1 : team.Count * TasksPerThread;

    /// <summary>Floats of scratch per worker. They never fall with k, as <see cref="BlockTask.BlockK"/> does beyond
    /// <see cref="MaxBlockK"/>.</summary>
    private static int WorkerFloats(VectorWidth width, int blockN, int k)
    {
        int blockK = Math.Min(RoundUp(k, 64), MaxBlockK);
        return blockK * (blockN + MicroKernel.Columns(width)) + Packing.RoomFloats(blockK) + MicroKernel.TileFloats;
    }

    /// <summary>Floats of A that are packed at a time, or a few more: they never fall with m or k.</summary>
    private static long PackedFloats(VectorWidth width, int m, int k) =>
        Math.Min((long)RoundUp(m, MicroKernel.Rows(width)) * Math.Min(k, MaxSpanK), MaxPackedA);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Packs rows of A.</summary>
    private struct PackTask : IRange
    {
        /// <summary>Rows an item packs: a multiple of every microkernel's rows, and whole cache lines of a transposed A.</summary>
        public const int Rows = 48;

        public float* A;
        public nint ARow;
        public bool Transposed;
        public int M, K, TileRows;
        public float* To;

        public readonly void Run(int start, int end, int worker)
        {
            for (int item = start; item < end; item++)
            {
                nint i = (nint)item * Rows;
                Packing.PackA(Transposed ? A + i : A + i * ARow, ARow, Transposed, Math.Min(Rows, M - i), K, TileRows, To + i * K);
            }
        }
    }

    /// <summary>Computes blocks of C, [BlockM, BlockN] each, over [FirstK, EndK).</summary>
    private struct BlockTask : IRange
    {
        public VectorWidth Width;
        public int M, N, K, FirstM, EndM, FirstK, EndK, BlockM, BlockN, BlockK, TileRows, TileColumns, WorkerFloats;
        public float Alpha;
        public bool Add, TransposeB;
        public float* A;
        public nint ARow, AColumn, APanel;
        public Operand B;
        public float* C;
        public nint CRow;
        public float* Scratch;

        public readonly int BlocksN => (N + BlockN - 1) / BlockN;

        public readonly int Count => (EndM - FirstM + BlockM - 1) / BlockM * BlocksN;

        /// <summary>Chooses the size of blocks: wide for few repeated reads of A, but many enough for the threads.</summary>
        public void Partition(int m, int tasks)
        {
            BlockM = RoundUp(m, TileRows);
            for (BlockN = MaxBlockN; BlockN > MinBlockN && BlocksN < tasks;) BlockN /= 2;
            int perColumn = (tasks + BlocksN - 1) / BlocksN;
            if (perColumn > 1) BlockM = RoundUp(Math.Max((m + perColumn - 1) / perColumn, Math.Min(m, MinTaskRows)), TileRows);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int start, int end, int worker)
        {
            float* blocks = Scratch + (nint)worker * WorkerFloats, room = blocks + BlockK * (BlockN + TileColumns);
            float* spare = room + Packing.RoomFloats(BlockK);
            for (int item = start; item < end; item++)
            {
                int i = item / BlocksN * BlockM, j = item % BlocksN * BlockN;
                int rows = Math.Min(BlockM, EndM - FirstM - i), columns = Math.Min(BlockN, N - j);
                for (int p = FirstK; p < EndK; p += BlockK)
                {
                    int depth = Math.Min(BlockK, EndK - p);
                    Packing.PackB(Width, in B, TransposeB, p, depth, j, columns, TileColumns, Width.Lanes(), blocks, room);
                    Multiply(i, rows, j, columns, p - FirstK, depth, Add || p > FirstK, blocks, spare);
                }
            }
        }

        /// <summary>Rows of A × one packed block of B.</summary>
        private readonly void Multiply(int i, int rows, int j, int columns, nint p, int depth, bool add, float* blocks, float* spare)
        {
            int lanes = Width.Lanes();
            var tile = new Tile { K = depth, ARow = ARow, AColumn = AColumn, CRow = CRow, Alpha = Alpha, Add = add };
            for (int row = 0; row < rows; row += TileRows)
            {
                tile.A = A + (i + row) / TileRows * APanel + p * AColumn;
                tile.Rows = Math.Min(TileRows, rows - row);
                for (int column = 0; column < columns; column += TileColumns)
                {
                    int used = Math.Min(TileColumns, columns - column);
                    tile.B = blocks + (nint)column * depth;
                    tile.BRow = RoundUp(used, lanes);
                    tile.C = C + (FirstM + i + row) * CRow + j + column;
                    MicroKernel.Run(Width, in tile, used, spare);
                }
            }
        }
    }
}
