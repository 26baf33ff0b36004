using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>y = x · Wᵀ for few rows of x, from the weight's type. A row's bits depend on that row alone, since every sum has the order that
/// <see cref="RowsKernel{V}"/> describes, for one row as for many.</summary>
/// <remarks>
/// <para>x is brought into the order in which weights are decoded. A single row then meets weights that are decoded in registers. For
/// several rows, a span of some weight rows is decoded into the first-level cache and used for all rows of x.</para>
/// <para>The end of a weight row that is no whole group is decoded like other spans, with zeros after it. So are NF4 weights on machines
/// without a kernel for them, and rows of them that are no whole groups: their scales are in the decoded numbers.</para>
/// </remarks>
internal static unsafe class RowsProduct
{
    /// <summary>Weight rows that are decoded at a time.</summary>
    private const int PanelRows = 8;

    /// <summary>Most elements of a weight row that are decoded at a time: a panel and four rows of x fit the first-level cache.</summary>
    private const int MaxSpan = 640;

    /// <summary>Most rows of x that meet a decoded weight: x has to fit the second-level cache.</summary>
    private const int MaxRows = 32;

    /// <summary>Rows of x of a tile.</summary>
    private const int TileRows = 4;

    /// <summary>Computes the product.</summary>
    /// <param name="team">Threads.</param>
    /// <param name="scratch">For x in another order and decoded weights.</param>
    /// <param name="width">Vectors to use.</param>
    /// <param name="weight">[n, k].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="n">Length of a row of y.</param>
    /// <param name="k">Length of a row of x.</param>
    /// <param name="x">[rows, k].</param>
    /// <param name="y">[rows, n].</param>
    public static void Run(WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, int rows, int n, int k, float* x, float* y)
    {
        for (int first = 0; first < rows; first += MaxRows)
        {
            var sizes = new Sizes { Rows = Math.Min(MaxRows, rows - first), N = n, K = k, X = x + (nint)first * k, Y = y + (nint)first * n };
            Run(team, scratch, width, in weight, in sizes);
        }
    }

    private static void Run(WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, in Sizes sizes)
    {
        int k = sizes.K;
        switch (width)
        {
            case VectorWidth.Bits512 when weight.Type == DType.NF4 && Nf4Groups.Supports(width, k):
                Run<Lanes512, Nf4Group512>(team, scratch, width, in weight, in sizes);
                break;
            case VectorWidth.Bits512: Run<Lanes512>(team, scratch, width, in weight, in sizes); break;
            case VectorWidth.Bits256 when weight.Type == DType.NF4 && Nf4Groups.Supports(width, k):
                Run<Lanes256, Nf4Group256>(team, scratch, width, in weight, in sizes);
                break;
            case VectorWidth.Bits256: Run<Lanes256>(team, scratch, width, in weight, in sizes); break;
            default: Run<Lanes128>(team, scratch, width, in weight, in sizes); break;
        }
    }

    private static void Run<V>(WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, in Sizes sizes)
        where V : struct, ILanes<V>
    {
        switch (weight.Type)
        {
            case DType.BFloat16: Run<V, BFloat16Group<V>>(team, scratch, width, in weight, in sizes); break;
            case DType.Float16: Run<V, Float16Group<V>>(team, scratch, width, in weight, in sizes); break;
            default: Run<V, Float32Group<V>>(team, scratch, width, in weight, in sizes); break;
        }
    }

    private static void Run<V, TGroup>(WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, in Sizes sizes)
        where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
    {
        int group = PanelTask<V, TGroup>.Group, groups = (sizes.K + group - 1) / group;
        var task = new PanelTask<V, TGroup> { Width = width, Weight = weight, Of = sizes, Groups = groups };
        task.IsNf4 = typeof(TGroup) == typeof(Nf4Group512) || typeof(TGroup) == typeof(Nf4Group256);
        task.WholeGroups = weight.Type == DType.NF4 && !task.IsNf4 ? 0 : sizes.K / group;
        task.X = (float*)scratch.Get("rows x", (long)sizes.Rows * groups * group * sizeof(float));
        task.WorkerFloats = PanelTask<V, TGroup>.FloatsFor(sizes.Rows);
        task.Scratch = (float*)scratch.Get("rows panels", task.WorkerFloats * team.Count * sizeof(float));

        var order = new OrderTask<V, TGroup> { Of = task };
        team.For(sizes.Rows, Math.Max(1, 16384 / sizes.K), ref order);
        team.For((sizes.N + PanelRows - 1) / PanelRows, 8, ref task);
    }

    private struct Sizes
    {
        public int Rows, N, K;
        public float* X, Y;
    }

    /// <summary>Brings rows of x into tiles of up to <see cref="TileRows"/> rows; in a tile, group by group, the rows one after the other.
    /// Zeros complete the last group.</summary>
    private struct OrderTask<V, TGroup> : IRange where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
    {
        public PanelTask<V, TGroup> Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int start, int end, int worker)
        {
            int length = PanelTask<V, TGroup>.Group, k = Of.Of.K;
            for (int row = start; row < end; row++)
            {
                int tile = row / TileRows * TileRows, rows = Math.Min(TileRows, Of.Of.Rows - tile);
                float* x = Of.Of.X + (nint)row * k, to = Of.X + (nint)tile * Of.Groups * length + (row - tile) * length;
                for (int first = 0; first < k; first += length, to += (nint)rows * length)
                {
                    int count = Math.Min(length, k - first);
                    if (Of.IsNf4)
                    {
                        Nf4Groups.Order(x + first, V.Count, to);
                        continue;
                    }

                    new ReadOnlySpan<float>(x + first, count).CopyTo(new Span<float>(to, count));
                    new Span<float>(to + count, length - count).Clear();
                }
            }
        }
    }

    /// <summary>Items are panels of <see cref="PanelRows"/> weight rows.</summary>
    private struct PanelTask<V, TGroup> : IRange where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
    {
        public VectorWidth Width;
        public Operand Weight;
        public Sizes Of;
        public bool IsNf4;

        /// <summary>Groups of a row, and how many of them are read in groups from the weight.</summary>
        public int Groups, WholeGroups;

        /// <summary>x as <see cref="OrderTask{V, TGroup}"/> leaves it.</summary>
        public float* X;
        public float* Scratch;
        public long WorkerFloats;

        public static int Group => IWeightGroup<TGroup, V>.Vectors * V.Count;

        private static int SpanGroups => MaxSpan / Group;

        private static nint PanelRow => SpanGroups * Group;

        private static nint ScaleRow => SpanGroups * V.Count;

        /// <summary>The last vector of a row of totals is spare.</summary>
        private readonly nint TotalRow => (Of.Rows + 1) * V.Count;

        /// <summary>Floats of a worker: a panel, its scales, and for each weight row a vector of totals for each row of x and one
        /// more.</summary>
        public static long FloatsFor(int rows) => PanelRows * (SpanGroups * (Group + V.Count) + (rows + 1L) * V.Count);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int start, int end, int worker)
        {
            float* scratch = Scratch + worker * WorkerFloats;
            var at = new Room
            {
                Panel = scratch,
                Scales = scratch + PanelRows * SpanGroups * Group,
                Totals = scratch + PanelRows * SpanGroups * (Group + V.Count),
            };

            for (int item = start; item < end; item++)
            {
                int row = item * PanelRows, count = Math.Min(PanelRows, Of.N - row);
                float* totals = at.Totals;
                if (Of.Rows > 1) Several(row, count, in at);
                else One(row, count, in at);
                for (int i = 0; i < count; i++, totals += TotalRow)
                {
                    float* y = Of.Y + row + i;
                    for (int r = 0; r < Of.Rows; r++, y += Of.N) *y = V.Load(totals + r * V.Count).Sum();
                }
            }
        }

        private readonly void One(int row, int count, in Room at)
        {
            RowsKernel<V>.RunNx1<TGroup>(
                Weight.Data, row * Weight.RowLength, Weight.RowLength, in Weight.Blocks, X, WholeGroups, count, at.Totals, TotalRow);
            for (int group = WholeGroups; group < Groups; group += SpanGroups) Span(row, count, group, in at);
        }

        private readonly void Several(int row, int count, in Room at)
        {
            new Span<float>(at.Totals, PanelRows * (int)TotalRow).Clear();
            for (int group = 0; group < Groups; group += SpanGroups) Span(row, count, group, in at);
        }

        /// <summary>Adds the products of a span of some weight rows with all rows of x.</summary>
        private readonly void Span(int row, int count, int group, in Room at)
        {
            int groups = Math.Min(SpanGroups, Groups - group);
            Decode(row, count, group, groups, in at);
            for (int tile = 0; tile < Of.Rows; tile += TileRows) Multiply(tile, group, groups, count, in at);
        }

        private readonly void Decode(int row, int count, int group, int groups, in Room at)
        {
            int whole = Math.Clamp(WholeGroups - group, 0, groups), rest = (groups - whole) * Group;
            nint first = row * Weight.RowLength + (nint)group * Group;
            RowsKernel<V>.Decode<TGroup>(
                Weight.Data, first, Weight.RowLength, in Weight.Blocks, whole, count, at.Panel, PanelRow, at.Scales, ScaleRow);
            if (rest == 0) return;
            int used = Math.Min(rest, Of.K - (group + whole) * Group);
            for (int i = 0; i < count; i++)
            {
                float* to = at.Panel + i * PanelRow + (nint)whole * Group;
                Weight.Read(Width, first + (nint)whole * Group + i * Weight.RowLength, used, to);
                new Span<float>(to + used, rest - used).Clear();
                new Span<float>(at.Scales + i * ScaleRow + (nint)whole * V.Count, (groups - whole) * V.Count).Fill(1);
            }
        }

        /// <summary>A decoded panel × a tile of x.</summary>
        private readonly void Multiply(int tile, int group, int groups, int count, in Room at)
        {
            int rows = Math.Min(TileRows, Of.Rows - tile);
            var call = new RowsTile
            {
                WeightRow = PanelRow,
                ScaleRow = ScaleRow,
                X = X + ((nint)tile * Groups + (nint)group * rows) * Group,
                Rows = rows,
                Groups = groups,
                TotalRow = TotalRow,
            };
            int step = rows > 2 && V.Count < 16 ? 2 : 4;
            for (int i = 0; i < count; i += step)
            {
                call.Weight = at.Panel + i * PanelRow;
                call.Scales = at.Scales + i * ScaleRow;
                call.Totals = at.Totals + i * TotalRow + (nint)tile * V.Count;
                call.Spare = at.Totals + i * TotalRow + (nint)Of.Rows * V.Count;
                if (rows <= 2) RowsKernel<V>.Run4x2(in call);
                else if (V.Count < 16) RowsKernel<V>.Run2x4(in call);
                else RowsKernel<V>.Run4x4(in call);
            }
        }

        private struct Room
        {
            /// <summary>Decoded weights.</summary>
            public float* Panel;

            /// <summary>Their scales.</summary>
            public float* Scales;

            /// <summary>[PanelRows, rows + 1] vectors; the last of each row is spare.</summary>
            public float* Totals;
        }
    }
}
