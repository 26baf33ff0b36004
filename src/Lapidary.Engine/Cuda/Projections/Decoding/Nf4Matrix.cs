using System.Numerics;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>An NF4 tensor as nf4.cuh has it.</summary>
internal struct Nf4Matrix
{
    public nint Codes, Absmax, NestedAbsmax, NestedCode;
    public long Count;
    public int BlockShift;
    public float Offset;

    public static Nf4Matrix Of(Tensor tensor)
    {
        var scales = tensor.Scales!;
        return new Nf4Matrix
        {
            Codes = tensor.Address,
            Absmax = scales.Absmax.Address,
            NestedAbsmax = scales.NestedAbsmax?.Address ?? 0,
            NestedCode = scales.NestedCode?.Address ?? 0,
            Count = tensor.Count,
            BlockShift = BitOperations.Log2((uint)scales.BlockSize),
            Offset = scales.Offset,
        };
    }
}
