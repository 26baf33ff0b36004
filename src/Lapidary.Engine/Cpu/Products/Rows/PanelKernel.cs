using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>The arithmetic of many rows of x: a panel of weight rows is decoded into the first-level cache and then used for all tiles of
/// four rows. The order of the sums is that of <see cref="RowsKernel{V}"/>.</summary>
/// <remarks>The sums of a group are named locals because the JIT keeps only those in registers. Running sums lie in memory: they are
/// touched once in 8 products, and the registers would not hold both.</remarks>
internal static unsafe class PanelKernel<V> where V : struct, ILanes<V>
{
    /// <summary>Weight rows of a panel.</summary>
    public const int Rows = 8;

    /// <summary>Adds to the running sums of a panel and a tile of x.</summary>
    /// <param name="panel">Decoded weights.</param>
    /// <param name="weightRows">Rows in use; a few more may be computed.</param>
    /// <param name="groups">Groups in use.</param>
    /// <param name="x">Group by group, in each four rows one after the other.</param>
    /// <param name="totals">A vector for each row of x and each weight row.</param>
    /// <param name="totalRow">Floats from weight row to weight row of the totals.</param>
    public static void Run(in Panel panel, int weightRows, int groups, float* x, float* totals, nint totalRow)
    {
        int step = V.Count < 16 ? 2 : 4;
        for (int i = 0; i < weightRows; i += step, totals += step * totalRow)
        {
            float* w = panel.Weight + i * panel.WeightRow, scales = panel.Scales + i * panel.ScaleRow;
            if (step == 2) Run2x4(w, panel.WeightRow, scales, panel.ScaleRow, x, groups, totals, totalRow);
            else Run4x4(w, panel.WeightRow, scales, panel.ScaleRow, x, groups, totals, totalRow);
        }
    }

    /// <summary>Decodes a span of some weight rows into a panel.</summary>
    /// <param name="weight">First byte of the weight.</param>
    /// <param name="blocks">Scales of NF4.</param>
    /// <param name="first">Flat index of the first element.</param>
    /// <param name="rowLength">Elements from weight row to weight row.</param>
    /// <param name="weightRows">Weight rows.</param>
    /// <param name="groups">Groups of the span.</param>
    /// <param name="panel">Receives the span.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<TGroup>(
        void* weight, in Nf4Blocks blocks, nint first, nint rowLength, int weightRows, int groups, in Panel panel)
        where TGroup : struct, IWeightGroup<TGroup, V>
    {
        var w = TGroup.Create();
        nint lanes = V.Count, group = 8 * lanes;
        for (int row = 0; row < weightRows; row++, first += rowLength)
        {
            float* to = panel.Weight + row * panel.WeightRow, scale = panel.Scales + row * panel.ScaleRow;
            nint element = first;
            for (float* end = to + groups * group; to < end; to += group, element += group, scale += lanes)
            {
                w.Load(weight, element);
                w.At(0).Store(to);
                w.At(1).Store(to + lanes);
                w.At(2).Store(to + 2 * lanes);
                w.At(3).Store(to + 3 * lanes);
                w.At(4).Store(to + 4 * lanes);
                w.At(5).Store(to + 5 * lanes);
                w.At(6).Store(to + 6 * lanes);
                w.At(7).Store(to + 7 * lanes);
                TGroup.Scale(in blocks, element).Store(scale);
            }
        }
    }

    /// <summary>Four weight rows × four rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run4x4(float* w, nint wRow, float* scales, nint scaleRow, float* x, nint groups, float* totals, nint totalRow)
    {
        nint lanes = V.Count;
        for (float* last = x + 32 * lanes * groups; x < last; x += 24 * lanes, scales += lanes)
        {
            V s00 = V.Broadcast(0), s01 = s00, s02 = s00, s03 = s00;
            V s10 = s00, s11 = s00, s12 = s00, s13 = s00;
            V s20 = s00, s21 = s00, s22 = s00, s23 = s00;
            V s30 = s00, s31 = s00, s32 = s00, s33 = s00;
            for (float* end = x + 8 * lanes; x < end; x += lanes, w += lanes)
            {
                V w0 = V.Load(w), w1 = V.Load(w + wRow), w2 = V.Load(w + 2 * wRow), w3 = V.Load(w + 3 * wRow);
                V v = V.Load(x);
                s00 = V.MultiplyAdd(w0, v, s00);
                s01 = V.MultiplyAdd(w1, v, s01);
                s02 = V.MultiplyAdd(w2, v, s02);
                s03 = V.MultiplyAdd(w3, v, s03);
                v = V.Load(x + 8 * lanes);
                s10 = V.MultiplyAdd(w0, v, s10);
                s11 = V.MultiplyAdd(w1, v, s11);
                s12 = V.MultiplyAdd(w2, v, s12);
                s13 = V.MultiplyAdd(w3, v, s13);
                v = V.Load(x + 16 * lanes);
                s20 = V.MultiplyAdd(w0, v, s20);
                s21 = V.MultiplyAdd(w1, v, s21);
                s22 = V.MultiplyAdd(w2, v, s22);
                s23 = V.MultiplyAdd(w3, v, s23);
                v = V.Load(x + 24 * lanes);
                s30 = V.MultiplyAdd(w0, v, s30);
                s31 = V.MultiplyAdd(w1, v, s31);
                s32 = V.MultiplyAdd(w2, v, s32);
                s33 = V.MultiplyAdd(w3, v, s33);
            }

            float* total = totals;
            V scale = V.Load(scales);
            AddTo(total, s00, scale);
            AddTo(total + lanes, s10, scale);
            AddTo(total + 2 * lanes, s20, scale);
            AddTo(total + 3 * lanes, s30, scale);
            total += totalRow;
            scale = V.Load(scales + scaleRow);
            AddTo(total, s01, scale);
            AddTo(total + lanes, s11, scale);
            AddTo(total + 2 * lanes, s21, scale);
            AddTo(total + 3 * lanes, s31, scale);
            total += totalRow;
            scale = V.Load(scales + 2 * scaleRow);
            AddTo(total, s02, scale);
            AddTo(total + lanes, s12, scale);
            AddTo(total + 2 * lanes, s22, scale);
            AddTo(total + 3 * lanes, s32, scale);
            total += totalRow;
            scale = V.Load(scales + 3 * scaleRow);
            AddTo(total, s03, scale);
            AddTo(total + lanes, s13, scale);
            AddTo(total + 2 * lanes, s23, scale);
            AddTo(total + 3 * lanes, s33, scale);
        }
    }

    /// <summary>Two weight rows × four rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run2x4(float* w, nint wRow, float* scales, nint scaleRow, float* x, nint groups, float* totals, nint totalRow)
    {
        nint lanes = V.Count;
        for (float* last = x + 32 * lanes * groups; x < last; x += 24 * lanes, scales += lanes)
        {
            V s00 = V.Broadcast(0), s01 = s00;
            V s10 = s00, s11 = s00;
            V s20 = s00, s21 = s00;
            V s30 = s00, s31 = s00;
            for (float* end = x + 8 * lanes; x < end; x += lanes, w += lanes)
            {
                V w0 = V.Load(w), w1 = V.Load(w + wRow);
                V v = V.Load(x);
                s00 = V.MultiplyAdd(w0, v, s00);
                s01 = V.MultiplyAdd(w1, v, s01);
                v = V.Load(x + 8 * lanes);
                s10 = V.MultiplyAdd(w0, v, s10);
                s11 = V.MultiplyAdd(w1, v, s11);
                v = V.Load(x + 16 * lanes);
                s20 = V.MultiplyAdd(w0, v, s20);
                s21 = V.MultiplyAdd(w1, v, s21);
                v = V.Load(x + 24 * lanes);
                s30 = V.MultiplyAdd(w0, v, s30);
                s31 = V.MultiplyAdd(w1, v, s31);
            }

            float* total = totals;
            V scale = V.Load(scales);
            AddTo(total, s00, scale);
            AddTo(total + lanes, s10, scale);
            AddTo(total + 2 * lanes, s20, scale);
            AddTo(total + 3 * lanes, s30, scale);
            total += totalRow;
            scale = V.Load(scales + scaleRow);
            AddTo(total, s01, scale);
            AddTo(total + lanes, s11, scale);
            AddTo(total + 2 * lanes, s21, scale);
            AddTo(total + 3 * lanes, s31, scale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* total, V sum, V scale) => V.MultiplyAdd(sum, scale, V.Load(total)).Store(total);
}
