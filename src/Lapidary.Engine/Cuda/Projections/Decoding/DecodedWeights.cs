using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Decoded weights: frozen weights in the type of activations that are kept between uses, as many as fit. A weight has one for
/// each form in which it is used: with extra columns for adapters, or with extra rows below.</summary>
/// <remarks>They are identified by the tensor, not by its address, which another weight may have later.</remarks>
/// <param name="memory">Provides the memory.</param>
/// <param name="scratch">Informed when they are freed, because captured work may use them.</param>
/// <param name="maxBytes">Upper bound on the bytes of all of them.</param>
internal sealed class DecodedWeights(Allocator memory, Scratch scratch, long maxBytes) : IDisposable
{
    private readonly MemoryRegion _region = new(memory, MemoryOwner.DecodedWeights);
    private readonly Dictionary<Form, nint> _addresses = [];
    private readonly Dictionary<Tensor, DecodedRows> _rows = [];
    private long _maxBytes = maxBytes;

    /// <summary>The decoded weight of a form; 0 if it is not kept.</summary>
    public nint Find(Form form) => _addresses.GetValueOrDefault(form);

    /// <summary>The rows of a decoded weight in any form; null if none is kept.</summary>
    public DecodedRows? Find(Tensor weight) => _rows.TryGetValue(weight, out var rows) ? rows : null;

    /// <summary>Memory for a decoded weight, which the caller fills at once; 0 if too little is left.</summary>
    public nint Add(Form form, long lengthBytes)
    {
        if (_region.LengthBytes + MemoryRegion.SizeOf(lengthBytes) > _maxBytes) return 0;
        nint address = _region.Allocate(lengthBytes);
        _addresses.Add(form, address);
        _rows.TryAdd(form.Weight, new(address, form.Pitch));
        return address;
    }

    /// <summary>Frees all of them; none is kept afterwards.</summary>
    public void Dispose()
    {
        if (_addresses.Count > 0) scratch.CountMove();
        _addresses.Clear();
        _rows.Clear();
        _region.Dispose();
        _maxBytes = 0;
    }

    /// <summary>The form of a decoded weight.</summary>
    /// <param name="Weight">The frozen weight.</param>
    /// <param name="Place">Index of the layer among those with the same input, which are used at the same time.</param>
    /// <param name="ExtraColumns">Extra columns for adapters.</param>
    /// <param name="RowsBelow">Extra rows for an adapter.</param>
    public readonly record struct Form(Tensor Weight, int Place, int ExtraColumns, int RowsBelow)
    {
        /// <summary>Elements from a row to the next; columns for adapters begin at a multiple of 8.</summary>
        public int Pitch
        {
            get
            {
                int dim = KernelShapes.Rows(Weight).Dim;
                return ExtraColumns == 0 ? dim : AugmentedLayout.RoundUp8(dim) + ExtraColumns;
            }
        }
    }
}
