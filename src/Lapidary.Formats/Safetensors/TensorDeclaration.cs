using System.Collections.Immutable;
using Lapidary.Formats.Safetensors;

namespace Lapidary.Formats;

/// <summary>A tensor of a file, declared before its bytes are written.</summary>
public sealed record TensorDeclaration
{
    /// <summary>Declares a tensor of a known element type.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="dtype">Element type as safetensors spells it: "BF16", "F32", "U8", …</param>
    /// <param name="shape">Sizes, outermost first; empty for a scalar.</param>
    /// <exception cref="ArgumentException">The type is unknown or the size does not fit 63 bits.</exception>
    public TensorDeclaration(string name, string dtype, params ReadOnlySpan<long> shape)
    {
        (Name, DType, Shape) = (name, dtype, [.. shape]);
        try
        {
            LengthBytes = SafetensorsDTypes.LengthBytes(dtype, shape)
                ?? throw new ArgumentException($"Unknown safetensors type {dtype}.", nameof(dtype));
        }
        catch (OverflowException e)
        {
            throw new ArgumentException($"Tensor {name} is too large.", nameof(shape), e);
        }
    }

    internal TensorDeclaration(string name, string dtype, ImmutableArray<long> shape, long lengthBytes) =>
        (Name, DType, Shape, LengthBytes) = (name, dtype, shape, lengthBytes);

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Element type as safetensors spells it.</summary>
    public string DType { get; }

    /// <summary>Sizes, outermost first.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Bytes of the elements.</summary>
    public long LengthBytes { get; }
}
