using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>The arithmetic of one or two rows of x with rows of a weight that are decoded in registers.</summary>
/// <remarks>Here and in <see cref="PanelKernel{V}"/>, whatever the number of rows, a sum of products has one order: lane by lane, a group's
/// 8 products are summed one after the other, and their sum times the group's scale is added to a running sum.</remarks>
internal static unsafe class RowsKernel<V> where V : struct, ILanes<V>
{
    /// <summary>Adds to the running sums of a tile.</summary>
    public static void Run<TGroup>(in RowsTile tile) where TGroup : struct, IWeightGroup<TGroup, V>
    {
        if (tile.Height == 1) Run1<TGroup>(in tile);
        else Run2<TGroup>(in tile);
    }

    /// <summary>Some weight rows × one row of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run1<TGroup>(in RowsTile t) where TGroup : struct, IWeightGroup<TGroup, V>
    {
        var w = TGroup.Create();
        nint lanes = V.Count, group = 8 * lanes, element = t.First;
        float* totals = t.Totals;
        for (int row = 0; row < t.WeightRows; row++, element += t.RowLength - t.Count, totals += lanes)
        {
            V total0 = V.Load(totals);
            float* x = t.X;
            for (float* end = x + t.Count; x < end; x += group, element += group)
            {
                w.Load(t.Weight, element);
                V s0 = w.At(0) * V.Load(x);
                s0 = V.MultiplyAdd(w.At(1), V.Load(x + lanes), s0);
                s0 = V.MultiplyAdd(w.At(2), V.Load(x + 2 * lanes), s0);
                s0 = V.MultiplyAdd(w.At(3), V.Load(x + 3 * lanes), s0);
                s0 = V.MultiplyAdd(w.At(4), V.Load(x + 4 * lanes), s0);
                s0 = V.MultiplyAdd(w.At(5), V.Load(x + 5 * lanes), s0);
                s0 = V.MultiplyAdd(w.At(6), V.Load(x + 6 * lanes), s0);
                s0 = V.MultiplyAdd(w.At(7), V.Load(x + 7 * lanes), s0);
                V scale = TGroup.Scale(in t.Blocks, element);
                total0 = V.MultiplyAdd(s0, scale, total0);
            }

            total0.Store(totals);
        }
    }

    /// <summary>Some weight rows × two rows of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run2<TGroup>(in RowsTile t) where TGroup : struct, IWeightGroup<TGroup, V>
    {
        var w = TGroup.Create();
        nint lanes = V.Count, group = 8 * lanes, element = t.First;
        float* totals = t.Totals;
        for (int row = 0; row < t.WeightRows; row++, element += t.RowLength - t.Count, totals += 2 * lanes)
        {
            V total0 = V.Load(totals), total1 = V.Load(totals + lanes);
            float* x = t.X;
            for (float* end = x + 2 * t.Count; x < end; x += 2 * group, element += group)
            {
                w.Load(t.Weight, element);
                V v = w.At(0);
                V s0 = v * V.Load(x);
                V s1 = v * V.Load(x + 8 * lanes);
                v = w.At(1);
                s0 = V.MultiplyAdd(v, V.Load(x + lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 9 * lanes), s1);
                v = w.At(2);
                s0 = V.MultiplyAdd(v, V.Load(x + 2 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 10 * lanes), s1);
                v = w.At(3);
                s0 = V.MultiplyAdd(v, V.Load(x + 3 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 11 * lanes), s1);
                v = w.At(4);
                s0 = V.MultiplyAdd(v, V.Load(x + 4 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 12 * lanes), s1);
                v = w.At(5);
                s0 = V.MultiplyAdd(v, V.Load(x + 5 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 13 * lanes), s1);
                v = w.At(6);
                s0 = V.MultiplyAdd(v, V.Load(x + 6 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 14 * lanes), s1);
                v = w.At(7);
                s0 = V.MultiplyAdd(v, V.Load(x + 7 * lanes), s0);
                s1 = V.MultiplyAdd(v, V.Load(x + 15 * lanes), s1);
                V scale = TGroup.Scale(in t.Blocks, element);
                total0 = V.MultiplyAdd(s0, scale, total0);
                total1 = V.MultiplyAdd(s1, scale, total1);
            }

            total0.Store(totals);
            total1.Store(totals + lanes);
        }
    }
}
