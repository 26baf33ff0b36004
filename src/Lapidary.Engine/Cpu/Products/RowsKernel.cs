using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>The arithmetic of few rows of x with rows of a weight. Whatever the shape of the tile, a sum of products has one order: lane by
/// lane, a group's 8 products are summed one after the other, and their sum times the group's scale is added to a running sum.</summary>
/// <remarks>The sums of a group are named locals because the JIT keeps only those in registers. Running sums lie in memory: they are
/// touched once in 8 products, and 16 registers would not hold both.</remarks>
internal static unsafe class RowsKernel<V> where V : struct, ILanes<V>
{
    private static nint Group => 8 * V.Count;

    /// <summary>Some weight rows × one row of x, decoded in registers.</summary>
    /// <param name="weight">First byte of the matrix.</param>
    /// <param name="first">Flat index of the first element.</param>
    /// <param name="rowLength">Elements from weight row to weight row.</param>
    /// <param name="blocks">Scales of NF4.</param>
    /// <param name="x">Group by group.</param>
    /// <param name="groups">Groups to sum.</param>
    /// <param name="rows">Weight rows.</param>
    /// <param name="totals">Receives the running sums, a vector for each weight row.</param>
    /// <param name="totalRow">Floats from vector to vector of the totals.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RunNx1<TGroup>(
        void* weight, nint first, nint rowLength, in Nf4Blocks blocks, float* x, int groups, int rows, float* totals, nint totalRow)
        where TGroup : struct, IWeightGroup<TGroup, V>
    {
        var w = TGroup.Create();
        nint lanes = V.Count;
        for (int row = 0; row < rows; row++, first += rowLength, totals += totalRow)
        {
            V total = V.Broadcast(0);
            float* at = x;
            nint element = first;
            for (float* end = x + groups * Group; at < end; at += 8 * lanes, element += 8 * lanes)
            {
                w.Load(weight, element);
                V sum = w.At(0) * V.Load(at);
                sum = V.MultiplyAdd(w.At(1), V.Load(at + lanes), sum);
                sum = V.MultiplyAdd(w.At(2), V.Load(at + 2 * lanes), sum);
                sum = V.MultiplyAdd(w.At(3), V.Load(at + 3 * lanes), sum);
                sum = V.MultiplyAdd(w.At(4), V.Load(at + 4 * lanes), sum);
                sum = V.MultiplyAdd(w.At(5), V.Load(at + 5 * lanes), sum);
                sum = V.MultiplyAdd(w.At(6), V.Load(at + 6 * lanes), sum);
                sum = V.MultiplyAdd(w.At(7), V.Load(at + 7 * lanes), sum);
                total = V.MultiplyAdd(sum, TGroup.Scale(in blocks, element), total);
            }

            total.Store(totals);
        }
    }

    /// <summary>Decodes groups of some weight rows.</summary>
    /// <param name="weight">First byte of the matrix.</param>
    /// <param name="first">Flat index of the first element.</param>
    /// <param name="rowLength">Elements from weight row to weight row.</param>
    /// <param name="blocks">Scales of NF4.</param>
    /// <param name="groups">Groups to decode.</param>
    /// <param name="rows">Weight rows.</param>
    /// <param name="to">Receives the weight.</param>
    /// <param name="toRow">Floats from row to row of the decoded weight.</param>
    /// <param name="scales">Receives a vector for each group.</param>
    /// <param name="scaleRow">Floats from row to row of the scales.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<TGroup>(
        void* weight, nint first, nint rowLength, in Nf4Blocks blocks, int groups, int rows, float* to, nint toRow, float* scales,
        nint scaleRow)
        where TGroup : struct, IWeightGroup<TGroup, V>
    {
        var w = TGroup.Create();
        nint lanes = V.Count;
        for (int row = 0; row < rows; row++, first += rowLength, to += toRow, scales += scaleRow)
        {
            float* at = to, scale = scales;
            nint element = first;
            for (float* end = to + groups * Group; at < end; at += 8 * lanes, element += 8 * lanes, scale += lanes)
            {
                w.Load(weight, element);
                w.At(0).Store(at);
                w.At(1).Store(at + lanes);
                w.At(2).Store(at + 2 * lanes);
                w.At(3).Store(at + 3 * lanes);
                w.At(4).Store(at + 4 * lanes);
                w.At(5).Store(at + 5 * lanes);
                w.At(6).Store(at + 6 * lanes);
                w.At(7).Store(at + 7 * lanes);
                TGroup.Scale(in blocks, element).Store(scale);
            }
        }
    }

    /// <summary>Four weight rows × 1 … 4 rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run4x4(in RowsTile t)
    {
        int lanes = V.Count, rows = t.Rows;
        nint groupX = (nint)rows * Group, rowX = Group;
        float* x0 = t.X;
        float* x1 = t.X + Math.Min(1, rows - 1) * rowX;
        float* x2 = t.X + Math.Min(2, rows - 1) * rowX;
        float* x3 = t.X + Math.Min(3, rows - 1) * rowX;
        float* t0 = t.Totals;
        float* t1 = rows > 1 ? t.Totals + 1 * lanes : t.Spare;
        float* t2 = rows > 2 ? t.Totals + 2 * lanes : t.Spare;
        float* t3 = rows > 3 ? t.Totals + 3 * lanes : t.Spare;
        float* w = t.Weight, scales = t.Scales;
        nint wRow = t.WeightRow, scaleRow = t.ScaleRow, totalRow = t.TotalRow;
        for (int group = 0; group < t.Groups; group++, scales += lanes)
        {
            V s00 = V.Broadcast(0), s01 = s00, s02 = s00, s03 = s00;
            V s10 = s00, s11 = s00, s12 = s00, s13 = s00;
            V s20 = s00, s21 = s00, s22 = s00, s23 = s00;
            V s30 = s00, s31 = s00, s32 = s00, s33 = s00;
            for (float* end = w + Group; w < end; w += lanes)
            {
                V w0 = V.Load(w), w1 = V.Load(w + wRow), w2 = V.Load(w + 2 * wRow), w3 = V.Load(w + 3 * wRow);
                V x = V.Load(x0);
                s00 = V.MultiplyAdd(w0, x, s00);
                s01 = V.MultiplyAdd(w1, x, s01);
                s02 = V.MultiplyAdd(w2, x, s02);
                s03 = V.MultiplyAdd(w3, x, s03);
                x = V.Load(x1);
                s10 = V.MultiplyAdd(w0, x, s10);
                s11 = V.MultiplyAdd(w1, x, s11);
                s12 = V.MultiplyAdd(w2, x, s12);
                s13 = V.MultiplyAdd(w3, x, s13);
                x = V.Load(x2);
                s20 = V.MultiplyAdd(w0, x, s20);
                s21 = V.MultiplyAdd(w1, x, s21);
                s22 = V.MultiplyAdd(w2, x, s22);
                s23 = V.MultiplyAdd(w3, x, s23);
                x = V.Load(x3);
                s30 = V.MultiplyAdd(w0, x, s30);
                s31 = V.MultiplyAdd(w1, x, s31);
                s32 = V.MultiplyAdd(w2, x, s32);
                s33 = V.MultiplyAdd(w3, x, s33);
                x0 += lanes;
                x1 += lanes;
                x2 += lanes;
                x3 += lanes;
            }

            x0 += groupX - rowX;
            x1 += groupX - rowX;
            x2 += groupX - rowX;
            x3 += groupX - rowX;
            V scale = V.Load(scales);
            Add(t0, s00, scale);
            Add(t1, s10, scale);
            Add(t2, s20, scale);
            Add(t3, s30, scale);
            scale = V.Load(scales + scaleRow);
            Add(t0 + totalRow, s01, scale);
            Add(t1 + totalRow, s11, scale);
            Add(t2 + totalRow, s21, scale);
            Add(t3 + totalRow, s31, scale);
            scale = V.Load(scales + 2 * scaleRow);
            Add(t0 + 2 * totalRow, s02, scale);
            Add(t1 + 2 * totalRow, s12, scale);
            Add(t2 + 2 * totalRow, s22, scale);
            Add(t3 + 2 * totalRow, s32, scale);
            scale = V.Load(scales + 3 * scaleRow);
            Add(t0 + 3 * totalRow, s03, scale);
            Add(t1 + 3 * totalRow, s13, scale);
            Add(t2 + 3 * totalRow, s23, scale);
            Add(t3 + 3 * totalRow, s33, scale);
        }
    }

    /// <summary>Two weight rows × 1 … 4 rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run2x4(in RowsTile t)
    {
        int lanes = V.Count, rows = t.Rows;
        nint groupX = (nint)rows * Group, rowX = Group;
        float* x0 = t.X;
        float* x1 = t.X + Math.Min(1, rows - 1) * rowX;
        float* x2 = t.X + Math.Min(2, rows - 1) * rowX;
        float* x3 = t.X + Math.Min(3, rows - 1) * rowX;
        float* t0 = t.Totals;
        float* t1 = rows > 1 ? t.Totals + 1 * lanes : t.Spare;
        float* t2 = rows > 2 ? t.Totals + 2 * lanes : t.Spare;
        float* t3 = rows > 3 ? t.Totals + 3 * lanes : t.Spare;
        float* w = t.Weight, scales = t.Scales;
        nint wRow = t.WeightRow, scaleRow = t.ScaleRow, totalRow = t.TotalRow;
        for (int group = 0; group < t.Groups; group++, scales += lanes)
        {
            V s00 = V.Broadcast(0), s01 = s00;
            V s10 = s00, s11 = s00;
            V s20 = s00, s21 = s00;
            V s30 = s00, s31 = s00;
            for (float* end = w + Group; w < end; w += lanes)
            {
                V w0 = V.Load(w), w1 = V.Load(w + wRow);
                V x = V.Load(x0);
                s00 = V.MultiplyAdd(w0, x, s00);
                s01 = V.MultiplyAdd(w1, x, s01);
                x = V.Load(x1);
                s10 = V.MultiplyAdd(w0, x, s10);
                s11 = V.MultiplyAdd(w1, x, s11);
                x = V.Load(x2);
                s20 = V.MultiplyAdd(w0, x, s20);
                s21 = V.MultiplyAdd(w1, x, s21);
                x = V.Load(x3);
                s30 = V.MultiplyAdd(w0, x, s30);
                s31 = V.MultiplyAdd(w1, x, s31);
                x0 += lanes;
                x1 += lanes;
                x2 += lanes;
                x3 += lanes;
            }

            x0 += groupX - rowX;
            x1 += groupX - rowX;
            x2 += groupX - rowX;
            x3 += groupX - rowX;
            V scale = V.Load(scales);
            Add(t0, s00, scale);
            Add(t1, s10, scale);
            Add(t2, s20, scale);
            Add(t3, s30, scale);
            scale = V.Load(scales + scaleRow);
            Add(t0 + totalRow, s01, scale);
            Add(t1 + totalRow, s11, scale);
            Add(t2 + totalRow, s21, scale);
            Add(t3 + totalRow, s31, scale);
        }
    }

    /// <summary>Four weight rows × 1 … 2 rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run4x2(in RowsTile t)
    {
        int lanes = V.Count, rows = t.Rows;
        nint groupX = (nint)rows * Group, rowX = Group;
        float* x0 = t.X;
        float* x1 = t.X + Math.Min(1, rows - 1) * rowX;
        float* t0 = t.Totals;
        float* t1 = rows > 1 ? t.Totals + 1 * lanes : t.Spare;
        float* w = t.Weight, scales = t.Scales;
        nint wRow = t.WeightRow, scaleRow = t.ScaleRow, totalRow = t.TotalRow;
        for (int group = 0; group < t.Groups; group++, scales += lanes)
        {
            V s00 = V.Broadcast(0), s01 = s00, s02 = s00, s03 = s00;
            V s10 = s00, s11 = s00, s12 = s00, s13 = s00;
            for (float* end = w + Group; w < end; w += lanes)
            {
                V w0 = V.Load(w), w1 = V.Load(w + wRow), w2 = V.Load(w + 2 * wRow), w3 = V.Load(w + 3 * wRow);
                V x = V.Load(x0);
                s00 = V.MultiplyAdd(w0, x, s00);
                s01 = V.MultiplyAdd(w1, x, s01);
                s02 = V.MultiplyAdd(w2, x, s02);
                s03 = V.MultiplyAdd(w3, x, s03);
                x = V.Load(x1);
                s10 = V.MultiplyAdd(w0, x, s10);
                s11 = V.MultiplyAdd(w1, x, s11);
                s12 = V.MultiplyAdd(w2, x, s12);
                s13 = V.MultiplyAdd(w3, x, s13);
                x0 += lanes;
                x1 += lanes;
            }

            x0 += groupX - rowX;
            x1 += groupX - rowX;
            V scale = V.Load(scales);
            Add(t0, s00, scale);
            Add(t1, s10, scale);
            scale = V.Load(scales + scaleRow);
            Add(t0 + totalRow, s01, scale);
            Add(t1 + totalRow, s11, scale);
            scale = V.Load(scales + 2 * scaleRow);
            Add(t0 + 2 * totalRow, s02, scale);
            Add(t1 + 2 * totalRow, s12, scale);
            scale = V.Load(scales + 3 * scaleRow);
            Add(t0 + 3 * totalRow, s03, scale);
            Add(t1 + 3 * totalRow, s13, scale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* total, V sum, V scale) => V.MultiplyAdd(sum, scale, V.Load(total)).Store(total);
}
