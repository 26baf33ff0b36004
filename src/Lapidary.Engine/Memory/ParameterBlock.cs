namespace Lapidary.Engine;

/// <summary>Parameters that lie one after another in one block of memory, so that zeroing, norm and update are one call for all of them:
/// LoRA has hundreds of small matrices.</summary>
public sealed class ParameterBlock
{
    /// <summary>Alignment of every parameter in elements: 256 bytes. The gaps are zero and stay zero.</summary>
    private const long Alignment = 64;

    private readonly long[] _offsets;

    /// <summary>Allocates zeroed parameters.</summary>
    /// <param name="shapes">Name and shape of each.</param>
    /// <param name="values">Receives the values.</param>
    /// <param name="gradients">Receives the gradients; null where nothing is trained.</param>
    public ParameterBlock(IReadOnlyList<(string Name, long[] Shape)> shapes, MemoryRegion values, MemoryRegion? gradients)
    {
        _offsets = new long[shapes.Count];
        long count = 0;
        for (int i = 0; i < shapes.Count; i++)
        {
            _offsets[i] = count;
            count += (CountOf(shapes[i].Shape) + Alignment - 1) / Alignment * Alignment;
        }

        string name = shapes.Count == 1 ? shapes[0].Name : $"{shapes[0].Name} and {shapes.Count - 1} more";
        Values = values.New(name, DType.Float32, count);
        Gradients = gradients?.New(name, DType.Float32, count);
        Parameters = [.. shapes.Select((entry, i) => new Parameter(
            entry.Name, View(Values, i, entry.Name, entry.Shape), Gradients is null ? null : View(Gradients, i, entry.Name, entry.Shape)))];
    }

    /// <summary>All values, fp32, flat.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients, fp32, flat; null where nothing is trained.</summary>
    public Tensor? Gradients { get; }

    /// <summary>The parameters, views of the block.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether weight decay applies to its values.</summary>
    public bool Decays { get; init; } = true;

    /// <summary>Whether ranks may divide its values and moments among them, instead of each updating all.</summary>
    public bool IsDivisible { get; init; } = true;

    /// <summary>Whether it is one matrix with a row for each token id: the embedding, the head, or both. A step reads the rows of its ids
    /// first, and all of it only after the layers.</summary>
    public bool IsTokenTable { get; init; }

    /// <summary>Index of a parameter's first element in the block.</summary>
    public long OffsetOf(int parameter) => _offsets[parameter];

    /// <summary>The part that corresponds to a parameter in another tensor of the block's length, in the parameter's shape.</summary>
    public Tensor ViewLike(int parameter, Tensor flat, string name) => View(flat, parameter, name, Parameters[parameter].Value.Shape);

    private Tensor View(Tensor flat, int index, string name, ReadOnlySpan<long> shape) =>
        flat.Rows(_offsets[index], CountOf(shape)).Reshape(name, shape);

    private static long CountOf(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape) count = checked(count * size);
        return count;
    }
}
