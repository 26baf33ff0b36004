using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Copies of frozen weights in bf16 that are kept between uses, as many as there is room for. A weight has one for each form that
/// it is used in: with room for the columns of adapters behind its own, or for rows below.</summary>
/// <remarks>Copies are told apart by the tensor itself, not by its address, where another weight may lie later.</remarks>
/// <param name="memory">Gives the memory.</param> <param name="scratch">Told when copies are freed, which captured work may use.</param>
/// <param name="maxBytes">Of all copies.</param>
internal sealed class DecodedWeights(Allocator memory, Scratch scratch, long maxBytes) : IDisposable
{
    private readonly MemoryRegion _region = new(memory, MemoryOwner.DecodedWeights);
    private readonly Dictionary<Form, nint> _copies = [];
    private long _maxBytes = maxBytes;

    /// <summary>The copy of a form, 0 where there is none.</summary>
    public nint Find(Form form) => _copies.GetValueOrDefault(form);

    /// <summary>Room for a copy, which the caller fills at once; 0 where too little is left.</summary>
    public nint Add(Form form, long lengthBytes)
    {
        if (_region.LengthBytes + MemoryRegion.SizeOf(lengthBytes) > _maxBytes) return 0;
        nint copy = _region.Allocate(lengthBytes);
        _copies.Add(form, copy);
        return copy;
    }

    /// <summary>Frees all copies; none is kept afterwards.</summary>
    public void Dispose()
    {
        if (_copies.Count > 0) scratch.CountMove();
        _copies.Clear();
        _region.Dispose();
        _maxBytes = 0;
    }

    /// <summary>What a copy is for.</summary>
    /// <param name="Weight">What is copied.</param> <param name="Place">Which it is of the layers of one input, which are in use at the
    /// same time.</param>
    /// <param name="ExtraColumns">Columns of adapters behind its own.</param> <param name="RowsBelow">Rows of an adapter below its
    /// own.</param>
    public readonly record struct Form(Tensor Weight, int Place, int ExtraColumns, int RowsBelow);
}
