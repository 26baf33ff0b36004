using System.Collections.Immutable;

namespace Lapidary.Formats.Gguf;

/// <summary>A tensor to write.</summary>
/// <param name="Name">At most 63 bytes.</param>
/// <param name="Type">Type of its elements; a row has whole blocks.</param>
/// <param name="Shape">Sizes, outermost first, at most four.</param>
/// <param name="WriteTo">Writes exactly <see cref="LengthBytes"/> bytes.</param>
internal sealed record GgufTensor(string Name, GgmlType Type, ImmutableArray<long> Shape, Action<Stream> WriteTo)
{
    /// <summary>Bytes of its values.</summary>
    public long LengthBytes => Type.LengthBytes(Shape.Aggregate(1L, (product, size) => checked(product * size)));
}
