using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>y = x · Wᵀ for few rows of x, directly from the weight's type. A row's bits depend on that row alone, since every sum has the
/// order that <see cref="RowsKernel{V}"/> describes, for one row as for many.</summary>
/// <remarks>
/// <para>x is brought into the order in which weights are decoded. One or two rows meet weights that are decoded in registers; for more
/// rows, some weights are decoded into the first-level cache. Weights are read from memory once.</para>
/// <para>Ends of weight rows that are no whole group are decoded apart, with zeros after them. So are NF4 weights on machines without a
/// kernel for them, and those whose rows are no whole groups: there the decoded numbers include the scale.</para>
/// </remarks>
internal static unsafe class RowsProduct
{
    /// <summary>Computes the product.</summary>
    /// <param name="team">Threads.</param>
    /// <param name="scratch">For x in another order, decoded weights and the sums.</param>
    /// <param name="width">Vectors to use.</param>
    /// <param name="weight">[n, k].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="n">Length of a row of y.</param>
    /// <param name="k">Length of a row of x.</param>
    /// <param name="x">[rows, k].</param>
    /// <param name="y">[rows, n].</param>
    public static void Run(
        WorkerTeam team, Scratch scratch, VectorWidth width, in Operand weight, int rows, int n, int k, float* x, float* y)
    {
        var job = new RowsJob { Width = width, Weight = weight, Rows = rows, N = n, K = k, X = x, Y = y };
        bool inGroups = weight.Type == DType.NF4 && Nf4Groups.Supports(width, k);
        switch (width)
        {
            case VectorWidth.Bits512 when inGroups: Run<Lanes512, Nf4Group512>(team, scratch, job); break;
            case VectorWidth.Bits512: Run<Lanes512>(team, scratch, job); break;
            case VectorWidth.Bits256 when inGroups: Run<Lanes256, Nf4Group256>(team, scratch, job); break;
            case VectorWidth.Bits256: Run<Lanes256>(team, scratch, job); break;
            default: Run<Lanes128>(team, scratch, job); break;
        }
    }

    private static void Run<V>(WorkerTeam team, Scratch scratch, in RowsJob job) where V : struct, ILanes<V>
    {
        switch (job.Weight.Type)
        {
            case DType.BFloat16: Run<V, BFloat16Group<V>>(team, scratch, job); break;
            case DType.Float16: Run<V, Float16Group<V>>(team, scratch, job); break;
            default: Run<V, Float32Group<V>>(team, scratch, job); break;
        }
    }

    private static void Run<V, TGroup>(WorkerTeam team, Scratch scratch, RowsJob job)
        where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
    {
        int group = 8 * V.Count;
        job.PaddedK = (job.K + group - 1) / group * group;
        job.WholeK = job.Weight.Type == DType.NF4 && !TGroup.IsNf4 ? 0 : job.K / group * group;
        job.WorkerFloats = RowsTask<V, TGroup>.FloatsFor(in job);
        job.Ordered = (float*)scratch.Get("rows x", (long)job.PaddedRows * job.PaddedK * sizeof(float));
        job.Scratch = (float*)scratch.Get("rows panels", (long)job.WorkerFloats * team.Count * sizeof(float));
        var order = new OrderTask<V, TGroup> { Of = job };
        team.For(job.PaddedRows, Math.Max(1, 16384 / job.K), ref order);
        var task = new RowsTask<V, TGroup> { Of = job };
        team.For((job.N + job.ItemRows - 1) / job.ItemRows, grain: 64 / job.ItemRows, ref task);
    }

    /// <summary>Brings rows of x into tiles. Zeros complete the last group and the last tile.</summary>
    private struct OrderTask<V, TGroup> : IRange where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
    {
        public RowsJob Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int start, int end, int worker)
        {
            int group = 8 * V.Count;
            for (int row = start; row < end; row++)
            {
                int tile = row / Of.Height;
                float* x = Of.X + (nint)row * Of.K, to = Of.Tile(tile) + (nint)(row - tile * Of.Height) * group;
                for (int first = 0; first < Of.PaddedK; first += group, to += (nint)Of.Height * group)
                {
                    int count = row < Of.Rows ? Math.Min(group, Of.K - first) : 0;
                    if (count == group)
                    {
                        TGroup.Order(x + first, to);
                        continue;
                    }

                    new ReadOnlySpan<float>(x + first, count).CopyTo(new Span<float>(to, count));
                    new Span<float>(to + count, group - count).Clear();
                }
            }
        }
    }
}
