using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Formats;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        int hidden = checked((int)table.Shape[1]);
        CheckIds(ids, table);
        Parallel(ids.Count, RowGrain(hidden), new EmbeddingKernel
        {
            Ids = ids.Pointer<int>(),
            Table = (byte*)table.Address,
            Type = table.DType,
            Y = y.Pointer<float>(),
            Hidden = hidden,
            Scale = scale,
        });
    }

    /// <inheritdoc/>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable)
    {
        int hidden = checked((int)dTable.Shape[1]);
        CheckIds(ids, dTable);
        Parallel((hidden + EmbeddingBackwardKernel.SliceLength - 1) / EmbeddingBackwardKernel.SliceLength, grain: 1, new EmbeddingBackwardKernel
        {
            Ids = ids.Pointer<int>(),
            Dy = dy.Pointer<float>(),
            DTable = dTable.Pointer<float>(),
            Tokens = checked((int)ids.Count),
            Hidden = hidden,
            Scale = scale,
        });
    }

    private void CheckIds(Tensor ids, Tensor table)
    {
        if (OnlyCounts) return;
        foreach (int id in ids.AsSpan<int>())
        {
            if ((uint)id >= (ulong)table.Shape[0])
            {
                throw new LapidaryException(
                    $"Embedding: token id {id} is outside the vocabulary of {table.Shape[0]} entries of {table}. Use the tokenizer of this model.");
            }
        }
    }

    private struct EmbeddingKernel : IKernel
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
                var op = new ScaleRowOp { Row = Table + Type.LengthBytes((long)Ids[token] * Hidden), Type = Type, Y = Y + token * Hidden, Scale = Scale };
                Traverse.Each<V, ScaleRowOp>(0, Hidden, op);
            }
        }
    }

    private struct ScaleRowOp : IElementwise
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

    /// <summary>Items are slices of the hidden axis: each takes all tokens in order, so that tokens with the same id never meet on two
    /// threads and are summed in one order.</summary>
    private struct EmbeddingBackwardKernel : IKernel
    {
        public const int SliceLength = 64;

        public int* Ids;
        public float* Dy, DTable;
        public int Tokens, Hidden;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
        {
            nint first = (nint)start * SliceLength, last = Math.Min(Hidden, (nint)end * SliceLength);
            for (nint token = 0; token < Tokens; token++)
            {
                var op = new ScaledAddOp { X = Dy + token * Hidden, Factor = Scale, Y = DTable + (nint)Ids[token] * Hidden };
                Traverse.Each<V, ScaledAddOp>(first, last, op);
            }
        }
    }

    /// <summary>y += factor · x.</summary>
    private struct ScaledAddOp : IElementwise
    {
        public float* X, Y;
        public float Factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
            V.MultiplyAdd(V.Load(X + i), V.Broadcast(Factor), V.Load(Y + i)).Store(Y + i);
    }
}
