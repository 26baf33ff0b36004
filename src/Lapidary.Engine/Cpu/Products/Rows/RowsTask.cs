using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>Items are <see cref="RowsJob.ItemRows"/> weight rows, with all rows of x.</summary>
internal unsafe struct RowsTask<V, TGroup> : IRange where V : struct, ILanes<V> where TGroup : struct, IWeightGroup<TGroup, V>
{
    /// <summary>Most elements of a row in a panel: a panel and a tile of x fit the first-level cache.</summary>
    private const int MaxSpan = 640;

    /// <summary>Most floats of a tile of x that meets weights in registers, a power of two.</summary>
    private const int MaxTileFloats = 8192;

    public RowsJob Of;

    private static int Group => 8 * V.Count;

    private static int SpanGroups => MaxSpan / Group;

    /// <summary>Floats of a worker: a panel with its scales, and the running sums.</summary>
    public static int FloatsFor(in RowsJob job) =>
        PanelKernel<V>.Rows * SpanGroups * (Group + V.Count) + job.ItemRows * job.PaddedRows * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int start, int end, int worker)
    {
        float* scratch = Of.Scratch + (nint)worker * Of.WorkerFloats;
        var panel = new Panel
        {
            Weight = scratch,
            WeightRow = SpanGroups * Group,
            Scales = scratch + PanelKernel<V>.Rows * SpanGroups * Group,
            ScaleRow = SpanGroups * V.Count,
        };
        float* totals = panel.Scales + PanelKernel<V>.Rows * panel.ScaleRow;
        for (int item = start; item < end; item++)
        {
            int row = item * Of.ItemRows, count = Math.Min(Of.ItemRows, Of.N - row);
            new Span<float>(totals, Of.ItemRows * Of.PaddedRows * V.Count).Clear();
            int done = Of.InRegisters ? Of.WholeK : 0;
            if (done > 0) MultiplyInRegisters(row, count, totals);
            for (int i = 0; i < count && done < Of.PaddedK; i += PanelKernel<V>.Rows)
                MultiplyPanels(row + i, Math.Min(PanelKernel<V>.Rows, count - i), done, in panel, totals + i * TotalRow);

            Store(row, count, totals);
        }
    }

    private readonly nint TotalRow => (nint)Of.PaddedRows * V.Count;

    /// <summary>One or two rows of x × the whole groups of some weight rows.</summary>
    private readonly void MultiplyInRegisters(int row, int count, float* totals)
    {
        var tile = new RowsTile
        {
            Weight = Of.Weight.Data,
            Blocks = Of.Weight.Blocks,
            RowLength = Of.Weight.RowLength,
            WeightRows = count,
            Height = Of.Height,
            Totals = totals,
        };
        for (int p = 0; p < Of.WholeK; p += (int)tile.Count)
        {
            (tile.First, tile.Count) = (row * Of.Weight.RowLength + p, Math.Min(MaxTileFloats / Of.Height, Of.WholeK - p));
            tile.X = Of.Tile(0) + (nint)p * Of.Height;
            RowsKernel<V>.Run<TGroup>(in tile);
        }
    }

    /// <summary>All tiles of x × some weight rows from an element on.</summary>
    private readonly void MultiplyPanels(int row, int count, int element, in Panel panel, float* totals)
    {
        while (element < Of.PaddedK)
        {
            int length = Math.Min(SpanGroups * Group, Of.PaddedK - element);
            Decode(row, count, element, length, in panel);
            for (int tile = 0; tile < Of.Tiles; tile++)
            {
                float* x = Of.Tile(tile) + (nint)element * Of.Height, sums = totals + (nint)tile * Of.Height * V.Count;
                if (!Of.InRegisters) PanelKernel<V>.Run(in panel, count, length / Group, x, sums, TotalRow);
                else RowsKernel<V>.Run<Float32Group<V>>(TileOf(in panel, count, length, x, sums));
            }

            element += length;
        }
    }

    /// <summary>A panel whose scales are in the decoded numbers, × one or two rows of x.</summary>
    private readonly RowsTile TileOf(in Panel panel, int weightRows, int length, float* x, float* totals) => new()
    {
        Weight = panel.Weight,
        RowLength = panel.WeightRow,
        WeightRows = weightRows,
        Count = length,
        Height = Of.Height,
        X = x,
        Totals = totals,
    };

    private readonly void Decode(int row, int count, int element, int length, in Panel panel)
    {
        nint first = row * Of.Weight.RowLength + element;
        int whole = Math.Clamp(Of.WholeK - element, 0, length), rest = Math.Min(length - whole, Of.K - element - whole);
        PanelKernel<V>.Decode<TGroup>(
            Of.Weight.Data, in Of.Weight.Blocks, first, Of.Weight.RowLength, count, whole / Group, in panel);
        for (int i = 0; i < count && whole < length; i++)
        {
            float* to = panel.Weight + i * panel.WeightRow + whole;
            Of.Weight.Read(Of.Width, first + whole + i * Of.Weight.RowLength, rest, to);
            new Span<float>(to + rest, length - whole - rest).Clear();
            new Span<float>(panel.Scales + i * panel.ScaleRow + whole / 8, (length - whole) / 8).Fill(1);
        }
    }

    /// <summary>Stores the sums of all totals; those beyond the weight rows are zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Store(int row, int count, float* totals)
    {
        // Row by row: rows of y may be a power of two apart, and a line that is left half written would be gone when its rest comes.
        float* sums = stackalloc float[4];
        for (int r = 0; r < Of.Rows; r++)
        {
            float* total = totals + (nint)r * V.Count, y = Of.Y + (nint)r * Of.N + row;
            for (int i = 0; i < count; i += 4, total += 4 * TotalRow)
            {
                V.StoreSums(
                    V.Load(total), V.Load(total + TotalRow), V.Load(total + 2 * TotalRow), V.Load(total + 3 * TotalRow), sums);
                for (int j = 0; j < Math.Min(4, count - i); j++) y[i + j] = sums[j];
            }
        }
    }
}
