using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>The terms of a sum over rows: a struct of pointers and factors.</summary>
internal unsafe interface IRowTerms
{
    /// <summary>Adds the terms of a row to the columns' sums.</summary>
    void AddTo<V>(nint row, float* sums) where V : struct, ILanes<V>;
}

/// <summary>Column sums over blocks of rows; items are blocks.</summary>
internal unsafe struct RowSumsKernel<TTerms> : IKernel where TTerms : struct, IRowTerms
{
    public TTerms Terms;
    public long Rows;
    public int Dim;

    /// <summary>[blocks, dim].</summary>
    public float* Partials;

    /// <summary>Rows of a block: enough work for a task, few enough for the accuracy of sums, and partial sums of at most a sixteenth of
    /// the rows.</summary>
    public static int RowsOfBlock(int dim) => Math.Clamp(16384 / dim, 16, 256);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        int blockRows = RowsOfBlock(Dim);
        for (nint block = start; block < end; block++)
        {
            float* sums = Partials + block * Dim;
            new Span<float>(sums, Dim).Clear();
            nint last = (nint)Math.Min(Rows, (block + 1) * blockRows);
            for (nint row = block * blockRows; row < last; row++) Terms.AddTo<V>(row, sums);
        }
    }
}

/// <summary>target += the sums of all blocks, in order.</summary>
internal unsafe struct JoinOp : IElementwise
{
    public float* Partials, Target;
    public int Blocks, Dim;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V sum = V.Load(Partials + i);
        for (nint block = 1; block < Blocks; block++) sum += V.Load(Partials + block * Dim + i);
        (V.Load(Target + i) + sum).Store(Target + i);
    }
}
