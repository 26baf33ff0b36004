using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Items are the tokens: their rows of the table, scaled.</summary>
internal unsafe struct EmbeddingKernel : IKernel
{
    public int* Ids;
    public byte* Table;
    public DType Type;
    public float* Y;
    public int Hidden;
    public float Scale;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (nint token = start; token < end; token++)
        {
            byte* row = Table + Type.LengthBytes((long)Ids[token] * Hidden);
            var op = new ScaleRowOp { Row = row, Type = Type, Y = Y + token * Hidden, Scale = Scale };
            Traverse.Each<V, ScaleRowOp>(0, Hidden, op);
        }
    }
}

/// <summary>y = row · scale, for a row of any floating type.</summary>
internal unsafe struct ScaleRowOp : IElementwise
{
    public byte* Row;
    public DType Type;
    public float* Y;
    public float Scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V row = Type switch
        {
            DType.BFloat16 => V.LoadBFloat16((ushort*)Row + i),
            DType.Float16 => V.LoadFloat16((ushort*)Row + i),
            _ => V.Load((float*)Row + i),
        };
        (row * V.Broadcast(Scale)).Store(Y + i);
    }
}
