namespace Lapidary.Formats.Safetensors;

/// <summary>The order in which the reference implementation of safetensors lays out tensors, which keeps all of them aligned: wide types
/// first, and names in ordinal order within a type.</summary>
internal sealed class SafetensorsOrder : IComparer<TensorDeclaration>
{
    // The reference implementation's enumeration of types, whose values it sorts by.
    private static readonly string[] Ascending =
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64",
    ];

    /// <summary>The only instance.</summary>
    public static SafetensorsOrder Instance { get; } = new();

    private SafetensorsOrder()
    {
    }

    /// <inheritdoc/>
    public int Compare(TensorDeclaration? x, TensorDeclaration? y)
    {
        if (x is null || y is null) return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        int byType = Array.IndexOf(Ascending, y.DType).CompareTo(Array.IndexOf(Ascending, x.DType));
        return byType != 0 ? byType : string.CompareOrdinal(x.Name, y.Name);
    }
}
