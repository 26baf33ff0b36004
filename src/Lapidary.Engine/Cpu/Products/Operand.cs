using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Lapidary.Engine.Nf4;
using Lapidary.Engine.Tensors;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>A row-major matrix of any weight type as a product reads it: plain pointers, elements decoded to fp32 on the way.</summary>
internal unsafe struct Operand
{
    /// <summary>First element, or first byte of NF4 codes.</summary>
    public void* Data;

    /// <summary>fp32, bf16, fp16 or NF4.</summary>
    public DType Type;

    /// <summary>Elements from row to row.</summary>
    public nint RowLength;

    /// <summary>Scales of NF4.</summary>
    public Nf4Blocks Blocks;

    /// <summary>The matrix in a tensor, all axes but the last folded into rows.</summary>
    public static Operand Of(Tensor tensor, string op)
    {
        if (tensor.DType is not (DType.Float32 or DType.BFloat16 or DType.Float16 or DType.NF4))
            throw new ShapeException(op, nameof(tensor), "fp32, bf16, fp16 or NF4", tensor);
        return new Operand
        {
            Data = tensor.Pointer<byte>(),
            Type = tensor.DType,
            RowLength = tensor.AsRows().Dim,
            Blocks = tensor.DType == DType.NF4 ? Nf4Blocks.Of(tensor, op) : default,
        };
    }

    /// <summary>An fp32 matrix in scratch.</summary>
    public static Operand Of(float* data, nint rowLength) => new() { Data = data, Type = DType.Float32, RowLength = rowLength };

    /// <summary>Writes <paramref name="count"/> elements from the flat index <paramref name="first"/> on as fp32.</summary>
    public readonly void Read(VectorWidth width, nint first, int count, float* to)
    {
        switch (Type)
        {
            case DType.NF4: Nf4Reader.Read(width, (byte*)Data, in Blocks, first, count, to); break;
            case DType.BFloat16: Widen.FromBFloat16((ushort*)Data + first, count, to); break;
            case DType.Float16: Widen.FromHalf((ushort*)Data + first, count, to); break;
            default: new ReadOnlySpan<float>((float*)Data + first, count).CopyTo(new Span<float>(to, count)); break;
        }
    }

    /// <summary>Asks for the cache lines of elements that will be read soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Prefetch(nint first, int count)
    {
        if (!Sse.IsSupported) return;
        int shift = Type switch { DType.Float32 => 3, DType.NF4 => 0, _ => 2 };
        byte* from = (byte*)Data + (first << shift >> 1), end = (byte*)Data + ((first + count) << shift >> 1);
        for (; from < end; from += 64) Sse.Prefetch0(from);
    }
}
