namespace Lapidary.Engine;

/// <summary>Element types a <see cref="Tensor"/> can hold.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>The upper half of a binary32: 8 exponent bits, 7 mantissa bits.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary16; a storage type only.</summary>
    Float16,

    /// <summary>Unsigned byte.</summary>
    UInt8,

    /// <summary>Signed 32-bit integer: token ids, labels, positions.</summary>
    Int32,

    /// <summary>Signed 64-bit integer: seeds.</summary>
    Int64,

    /// <summary>4-bit NormalFloat codes, two to a byte with the even element in the high nibble; scales are in
    /// <see cref="Tensor.Scales"/>.</summary>
    NF4,
}

/// <summary>Sizes of the element types.</summary>
public static class DTypes
{
    /// <summary>Bytes that <paramref name="count"/> elements take; an odd number of NF4 elements is rounded up to a whole byte.</summary>
    public static long LengthBytes(this DType dtype, long count) => dtype switch
    {
        DType.Float32 or DType.Int32 => checked(count * 4),
        DType.BFloat16 or DType.Float16 => checked(count * 2),
        DType.Int64 => checked(count * 8),
        DType.UInt8 => count,
        DType.NF4 => (count + 1) / 2,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>Whether a value of this type is a real number on its own (not a code, not an index).</summary>
    public static bool IsFloatingPoint(this DType dtype) => dtype is DType.Float32 or DType.BFloat16 or DType.Float16;
}
