using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>A group of a weight row: 8 vectors, decoded in registers one by one, before any scale.</summary>
/// <typeparam name="TSelf">The implementing type.</typeparam>
/// <typeparam name="V">Lanes of a vector.</typeparam>
internal unsafe interface IWeightGroup<TSelf, V> where TSelf : struct, IWeightGroup<TSelf, V> where V : struct, ILanes<V>
{
    /// <summary>Whether the weight is NF4.</summary>
    static virtual bool IsNf4 => false;

    /// <summary>Brings a group of x into the order of the vectors.</summary>
    static virtual void Order(float* x, float* ordered) =>
        new ReadOnlySpan<float>(x, 8 * V.Count).CopyTo(new Span<float>(ordered, 8 * V.Count));

    /// <summary>A reader of groups. Its tables stay in registers from group to group.</summary>
    static abstract TSelf Create();

    /// <summary>Reads the group that starts at an element of the flat array.</summary>
    void Load(void* weight, nint element);

    /// <summary>Vector <paramref name="j"/> of the group, 0 … 7; a constant where it is called.</summary>
    V At(int j);

    /// <summary>The scale of each lane of the group that starts at an element of the flat array; 1 for weights without scales.</summary>
    static abstract V Scale(in Nf4Blocks blocks, nint element);
}
