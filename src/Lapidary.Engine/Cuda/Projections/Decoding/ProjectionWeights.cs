using System.Runtime.CompilerServices;
using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>The weights of projections in the type of activations, in the form that each product needs: decoded weights if they are
/// kept, else scratch that every weight is decoded to in turn.</summary>
internal sealed class ProjectionWeights(CudaRuntime runtime, WeightDecoder decoder) : IDisposable
{
    /// <summary>Purpose of the scratch that every weight is decoded to in turn.</summary>
    public const string ScratchPurpose = "decoded weight";

    private readonly AugmentedWeightKernels _augmented = new(runtime);
    private DecodedWeights? _decoded;

    /// <inheritdoc cref="IBackend.KeepDecodedWeights"/>
    public IDisposable Keep(long maxBytes)
    {
        _decoded?.Dispose();
        return _decoded = new DecodedWeights(runtime.Memory, runtime.Scratch, maxBytes);
    }

    /// <summary>W, [out, dim]: its memory, a decoded weight, or scratch that is valid until the next weight is decoded.</summary>
    /// <param name="projection">With a weight of any type.</param>
    /// <param name="rowsBelow">The rows that <see cref="Stacked"/> will request, so that one decoded weight serves both.</param>
    public nint Plain(Projection projection, int rowsBelow) =>
        projection.Weight.DType == runtime.ActivationDType ? projection.Weight.Address : WithRoomBelow(projection, rowsBelow);

    /// <summary>W's rows: its memory, or those of a decoded weight that is kept. Null if there is no room to keep it, or if its decoding
    /// has only now been queued: kernels load weights before the kernel before them has ended.</summary>
    public DecodedRows? RowsOf(Projection projection)
    {
        var weight = projection.Weight;
        var form = new DecodedWeights.Form(weight, Place: 0, ExtraColumns: 0, RowsBelow: 0);
        if (weight.DType == runtime.ActivationDType) return new(weight.Address, form.Pitch);
        if (projection.WeightGradient is not null || _decoded is null) return null;
        var kept = _decoded.Find(weight);
        if (kept is not null || runtime.IsCapturing) return kept;
        nint address = _decoded.Add(form, runtime.ActivationBytes(weight.Count));
        if (address != 0) decoder.Decode(weight, address);
        return null;
    }

    /// <summary>[W ; A], A divided by <see cref="CudaRuntime.FactorOfB"/>, [out + r, dim] with dim % 8 == 0, valid until the next weight is
    /// decoded.</summary>
    public nint Stacked(Projection projection, Tensor a)
    {
        nint y = WithRoomBelow(projection, Rows(a).Rows);
        decoder.Round(a, y + (nint)runtime.ActivationBytes(projection.Weight.Count), 1 / runtime.FactorOfB);
        return y;
    }

    /// <summary>[W | 0 | s · B | 0], [out, dim + extra] with dim rounded up to 8, in scratch that is valid until the next weight is
    /// decoded.</summary>
    public nint Augmented(in Projection projection, int offset, int dim, int extra)
    {
        nint y = runtime.Scratch.Get(ScratchPurpose, _augmented.LengthBytes(projection.Weight, dim, extra));
        _augmented.Write(projection, offset, dim, extra, y);
        return y;
    }

    /// <summary>Decoded weights [W | 0 | s · B | 0] for one input, laid out as in <see cref="Augmented"/>. W is decoded at the first use;
    /// the adapters' columns are written at every use. 0 for weights that are not kept.</summary>
    public Addresses DecodedAugmented(IReadOnlyList<Projection> projections, in AugmentedLayout layout, int dim)
    {
        Addresses all = default, withoutColumns = default;
        for (int i = 0; i < projections.Count; i++)
        {
            var weight = projections[i].Weight;
            var form = new DecodedWeights.Form(weight, i, layout.Extra, RowsBelow: 0);
            long lengthBytes = _augmented.LengthBytes(weight, dim, layout.Extra);
            all[i] = FindOrAdd(projections[i], form, lengthBytes, out bool isDecoded);
            if (isDecoded) withoutColumns[i] = all[i];
            else if (all[i] != 0) _augmented.Write(projections[i], layout.Offsets[i], dim, layout.Extra, all[i]);
        }

        _augmented.WriteAdapterColumns(projections, layout, dim, withoutColumns);
        return all;
    }

    /// <summary>Frees all decoded weights.</summary>
    public void Dispose() => _decoded?.Dispose();

    /// <summary>W with extra rows below, even if it is already of the type of activations.</summary>
    private nint WithRoomBelow(Projection projection, int rowsBelow)
    {
        var weight = projection.Weight;
        int dim = Rows(weight).Dim;
        long lengthBytes = runtime.ActivationBytes(weight.Count + (long)rowsBelow * dim);
        var form = new DecodedWeights.Form(weight, Place: 0, ExtraColumns: 0, rowsBelow);
        nint y = FindOrAdd(projection, form, lengthBytes, out bool isDecoded);
        if (y == 0) y = runtime.Scratch.Get(ScratchPurpose, lengthBytes);
        if (isDecoded) return y;
        if (weight.DType == runtime.ActivationDType) _augmented.Write(new Projection(weight, Adapter: null), offset: 0, dim, extra: 0, y);
        else decoder.Decode(weight, y);
        return y;
    }

    /// <summary>A decoded weight, or memory for one that the caller must fill; 0 if it is not kept, as no trained weight is: its values
    /// change.</summary>
    /// <param name="projection">The weight's layer.</param>
    /// <param name="form">Its form.</param>
    /// <param name="lengthBytes">Its size.</param>
    /// <param name="isDecoded">Whether W's part is already decoded.</param>
    private nint FindOrAdd(Projection projection, in DecodedWeights.Form form, long lengthBytes, out bool isDecoded)
    {
        // The scratch that would do instead is asked for in any case: the same work may be captured when decoded weights have been freed,
        // and a capture must not allocate. Nor must it fill one, which later work would take for filled although the graph has not run.
        runtime.Scratch.Get(ScratchPurpose, lengthBytes);
        isDecoded = false;
        if (projection.WeightGradient is not null) return 0;
        nint address = _decoded?.Find(form) ?? 0;
        isDecoded = address != 0;
        return isDecoded || runtime.IsCapturing ? address : _decoded?.Add(form, lengthBytes) ?? 0;
    }

    /// <summary>An address for each layer of one input.</summary>
    [InlineArray(AugmentedLayout.MaxProjections)]
    public struct Addresses
    {
        private nint _first;
    }
}
