using System.Numerics;

namespace Lapidary.Engine.Nf4;

/// <summary>The scales of an NF4 tensor in host memory as kernels read them: one per block of the flat array, decoded where they are
/// themselves quantized. The one place that forms absmax = code value · nested absmax + offset.</summary>
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
    /// <param name="tensor">NF4.</param>
    /// <param name="op">Name of the operation, for the error.</param>
    /// <exception cref="ShapeException">Blocks have another size than <see cref="Nf4Options.IsLegalBlockSize"/> takes.</exception>
    public static Nf4Blocks Of(Tensor tensor, string op)
    {
        if (tensor.Scales is not { } scales || !Nf4Options.IsLegalBlockSize(scales.BlockSize))
            throw new ShapeException(op, nameof(tensor), $"NF4 with a scale per block of {Nf4Options.LegalBlockSizes} elements", tensor);
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
