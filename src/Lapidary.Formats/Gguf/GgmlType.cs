namespace Lapidary.Formats.Gguf;

/// <summary>Element types of a GGUF file's tensors, with their numbers in the file.</summary>
internal enum GgmlType
{
    /// <summary>32-bit floats.</summary>
    F32 = 0,

    /// <summary>IEEE half precision.</summary>
    F16 = 1,

    /// <summary>Blocks of 32 values in 18 bytes: a half-precision scale and 4 bits a value.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32 values in 34 bytes: a half-precision scale and 8 bits a value.</summary>
    Q8_0 = 8,

    /// <summary>bfloat16.</summary>
    Bf16 = 30,
}

/// <summary>Sizes of <see cref="GgmlType"/>.</summary>
internal static class GgmlTypes
{
    /// <summary>Values of a block; a row has whole blocks.</summary>
    public static int BlockSize(this GgmlType type) => type is GgmlType.Q4_0 or GgmlType.Q8_0 ? GgmlBlocks.Size : 1;

    /// <summary>Bytes of so many values, which make up whole blocks.</summary>
    public static long LengthBytes(this GgmlType type, long count) => type switch
    {
        GgmlType.F32 => count * sizeof(float),
        GgmlType.F16 or GgmlType.Bf16 => count * sizeof(ushort),
        GgmlType.Q4_0 => count / GgmlBlocks.Size * GgmlBlocks.Q4Bytes,
        GgmlType.Q8_0 => count / GgmlBlocks.Size * GgmlBlocks.Q8Bytes,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type that is written."),
    };
}
