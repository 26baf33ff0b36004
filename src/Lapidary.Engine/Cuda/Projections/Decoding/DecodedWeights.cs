using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Decoded weights: frozen weights in bf16 that are kept between uses, as many as there is room for. A weight has one for each
/// form that it is used in: with room for the columns of adapters behind its own, or for rows below.</summary>
/// <remarks>They are told apart by the tensor itself, not by its address, where another weight may lie later.</remarks>
/// <param name="memory">Gives the memory.</param>
/// <param name="scratch">Told when they are freed, as captured work may use them.</param>
/// <param name="maxBytes">Of all of them.</param>
internal sealed class DecodedWeights(Allocator memory, Scratch scratch, long maxBytes) : IDisposable
{
    private readonly MemoryRegion _region = new(memory, MemoryOwner.DecodedWeights);
    private readonly Dictionary<Form, nint> _addresses = [];
    private long _maxBytes = maxBytes;

    /// <summary>The decoded weight of a form, 0 where there is none.</summary>
    public nint Find(Form form) => _addresses.GetValueOrDefault(form);

    /// <summary>Room for a decoded weight, which the caller fills at once; 0 where too little is left.</summary>
    public nint Add(Form form, long lengthBytes)
    {
        if (_region.LengthBytes + MemoryRegion.SizeOf(lengthBytes) > _maxBytes) return 0;
        nint address = _region.Allocate(lengthBytes);
        _addresses.Add(form, address);
        return address;
    }

    /// <summary>Frees all of them; none is kept afterwards.</summary>
    public void Dispose()
    {
        if (_addresses.Count > 0) scratch.CountMove();
        _addresses.Clear();
        _region.Dispose();
        _maxBytes = 0;
    }

    /// <summary>What a decoded weight is for.</summary>
    /// <param name="Weight">What is decoded.</param>
    /// <param name="Place">Which it is of the layers of one input, which are in use at the same time.</param>
    /// <param name="ExtraColumns">Columns of adapters behind its own.</param>
    /// <param name="RowsBelow">Rows of an adapter below its own.</param>
    public readonly record struct Form(Tensor Weight, int Place, int ExtraColumns, int RowsBelow);
}
