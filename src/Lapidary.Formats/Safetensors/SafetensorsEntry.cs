using System.Collections.Immutable;

namespace Lapidary.Formats;

/// <summary>One tensor as a safetensors header lists it.</summary>
/// <param name="Name">The tensor's name in the file.</param>
/// <param name="DType">Element type as the file spells it: "BF16", "F32", "U8", "F8_E4M3", …</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar, and sizes may be zero.</param>
/// <param name="Offset">Where the elements begin, in bytes from the start of the file.</param>
/// <param name="LengthBytes">Bytes of the elements.</param>
public sealed record SafetensorsEntry(string Name, string DType, ImmutableArray<long> Shape, long Offset, long LengthBytes)
{
    /// <summary>The same tensor, to be written to another file.</summary>
    public TensorDeclaration Declaration => new(Name, DType, Shape, LengthBytes);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {DType}[{string.Join(", ", Shape)}]";
}
