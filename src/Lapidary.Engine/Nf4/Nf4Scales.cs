namespace Lapidary.Engine;

/// <summary>The scales of an NF4 tensor: one absolute maximum per block of <see cref="BlockSize"/> elements of the flattened tensor, as
/// fp32 or, under double quantization, as 8-bit codes with a second level of scales. The bytes are those of bitsandbytes.</summary>
/// <param name="BlockSize">Elements per block, 64 by default in bitsandbytes.</param>
/// <param name="Absmax">fp32 [blocks], or UInt8 [blocks] codes under double quantization.</param>
/// <param name="NestedAbsmax">Null, or fp32 [⌈blocks / 256⌉]: the absolute maximum of 256 first-level scales.</param>
/// <param name="Offset">The mean taken from the first-level scales before they were quantized; 0 without double quantization.</param>
/// <param name="NestedCode">Null, or fp32 [256]: the values the 8-bit codes stand for, as the checkpoint stores them.</param>
public sealed record Nf4Scales(int BlockSize, Tensor Absmax, Tensor? NestedAbsmax, float Offset, Tensor? NestedCode)
{
    /// <summary>Elements of <see cref="Absmax"/> that share one entry of <see cref="NestedAbsmax"/>.</summary>
    public const int NestedBlockSize = 256;

    /// <summary>Whether the scales are themselves quantized.</summary>
    public bool IsNested => NestedAbsmax is not null;

    /// <summary>Bytes of all scales.</summary>
    public long LengthBytes => Absmax.LengthBytes + (NestedAbsmax?.LengthBytes ?? 0);
}
