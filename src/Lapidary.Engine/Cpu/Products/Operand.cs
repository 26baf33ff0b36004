using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
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

/// <summary>Scales of an NF4 matrix: one per block of the flat array.</summary>
internal unsafe struct Nf4Blocks
{
    private float* _absmax;
    private byte* _codes;
    private float* _nestedAbsmax;
    private float* _nestedCode;
    private float _offset;

    /// <summary>log₂ of the elements per block.</summary>
    public int Shift;

    /// <summary>The scales of a tensor.</summary>
    public static Nf4Blocks Of(Tensor tensor, string op)
    {
        if (tensor.Scales is not { } scales || scales.BlockSize < 32 || !BitOperations.IsPow2(scales.BlockSize))
            throw new ShapeException(op, nameof(tensor), "NF4 with scales of a power of two of at least 32 elements", tensor);
        return new Nf4Blocks
        {
            _absmax = scales.IsNested ? null : scales.Absmax.Pointer<float>(),
            _codes = scales.IsNested ? scales.Absmax.Pointer<byte>() : null,
            _nestedAbsmax = scales.NestedAbsmax is { } nested ? nested.Pointer<float>() : null,
            _nestedCode = scales.NestedCode is { } code ? code.Pointer<float>() : null,
            _offset = scales.Offset,
            Shift = BitOperations.Log2((uint)scales.BlockSize),
        };
    }

    /// <summary>Scale of a block; under double quantization the product is rounded before the offset is added, as in
    /// bitsandbytes.</summary>
    public readonly float Scale(nint block)
    {
        if (_codes == null) return _absmax[block];
        float product = _nestedCode[_codes[block]] * _nestedAbsmax[block / Nf4Scales.NestedBlockSize];
        return product + _offset;
    }
}
