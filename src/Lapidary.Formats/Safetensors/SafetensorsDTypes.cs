using System.Collections.Frozen;

namespace Lapidary.Formats.Safetensors;

/// <summary>The element types of safetensors files: their sizes.</summary>
internal static class SafetensorsDTypes
{
    private static readonly FrozenDictionary<string, int> Bits = new Dictionary<string, int>
    {
        ["F4"] = 4,
        ["F6_E2M3"] = 6,
        ["F6_E3M2"] = 6,
        ["BOOL"] = 8,
        ["U8"] = 8,
        ["I8"] = 8,
        ["F8_E5M2"] = 8,
        ["F8_E4M3"] = 8,
        ["F8_E8M0"] = 8,
        ["F8_E4M3FNUZ"] = 8,
        ["F8_E5M2FNUZ"] = 8,
        ["I16"] = 16,
        ["U16"] = 16,
        ["F16"] = 16,
        ["BF16"] = 16,
        ["I32"] = 32,
        ["U32"] = 32,
        ["F32"] = 32,
        ["I64"] = 64,
        ["U64"] = 64,
        ["F64"] = 64,
        ["C64"] = 64,
    }.ToFrozenDictionary();

    /// <summary>Bytes of an array, or null when the type is unknown, so that its size cannot be told.</summary>
    /// <exception cref="OverflowException">The size does not fit 63 bits, or is not whole bytes.</exception>
    internal static long? LengthBytes(string dtype, ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape) count = checked(count * size);
        if (!Bits.TryGetValue(dtype, out int bits)) return null;
        if (bits >= 8) return checked(count * (bits / 8));
        long total = checked(count * bits);
        return total % 8 == 0 ? total / 8 : throw new OverflowException();
    }
}
