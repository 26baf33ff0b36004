using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _adapterColumns = new("augmented_weight.cu", "adapter_columns");

    private DecodedWeights? _decodedWeights;

    /// <inheritdoc/>
    public IDisposable KeepDecodedWeights(long maxBytes)
    {
        _decodedWeights?.Dispose();
        return _decodedWeights = new DecodedWeights(_memory, _scratch, maxBytes);
    }

    /// <summary>A kept copy of a weight, or room for one that the caller must fill; 0 where it is not kept.</summary>
    /// <param name="form">What for.</param> <param name="lengthBytes">Of all of it.</param> <param name="isDecoded">Whether W's part is
    /// there.</param>
    private nint KeptCopy(in DecodedWeights.Form form, long lengthBytes, out bool isDecoded)
    {
        // The scratch that would do instead is asked for in any case: the same work may be captured when copies have been freed, and a
        // capture must not allocate. Nor must it fill a copy, which later work would take for filled although the graph has not run.
        _scratch.Get(DecodedWeight, lengthBytes);
        nint copy = _decodedWeights?.Find(form) ?? 0;
        isDecoded = copy != 0;
        return isDecoded || _isCapturing ? copy : _decodedWeights?.Add(form, lengthBytes) ?? 0;
    }

    /// <summary>Kept copies [W | 0 | s · B | 0] of weights that multiply one input, as <see cref="AugmentedWeight"/> has them: W is decoded
    /// at the first use, the adapters' columns are written at every one. 0 for weights that are not kept.</summary>
    private AddressesOfProjections KeptAugmentedWeights(IReadOnlyList<Projection> projections, in AugmentedLayout layout, int dim)
    {
        var copies = default(AddressesOfProjections);
        var args = new AdapterColumnsArgs { Inner = AugmentedLayout.RoundUp8(dim), Extra = layout.Extra };
        int count = 0, mostRuns = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            var (weight, adapter) = projections[i];
            var form = new DecodedWeights.Form(weight, i, layout.Extra, RowsBelow: 0);
            copies[i] = KeptCopy(form, AugmentedBytes(weight, dim, layout.Extra), out bool isDecoded);
            if (copies[i] == 0) continue;
            if (!isDecoded)
            {
                WriteAugmentedWeight(projections[i], layout.Offsets[i], dim, layout.Extra, copies[i]);
                continue;
            }

            args.B[count] = adapter?.B.Value.Address ?? 0;
            args.Y[count] = copies[i];
            args.Rows[count] = Rows(weight).Rows;
            args.R[count] = adapter is null ? 0 : Rank(adapter);
            args.Offset[count] = layout.Offsets[i];
            args.Scale[count] = adapter?.Scale ?? 0;
            mostRuns = Math.Max(mostRuns, Runs(args.Rows[count], layout.Extra));
            count++;
        }

        if (count > 0) Launch(_adapterColumns, new Dim3(Tiles(mostRuns, ConvertThreads), count), ConvertThreads, sharedBytes: 0, in args);
        return copies;
    }

    [System.Runtime.CompilerServices.InlineArray(MaxProjections)]
    private struct AddressesOfProjections
    {
        private nint _first;
    }

    private struct AdapterColumnsArgs
    {
        public fixed long B[MaxProjections];
        public fixed long Y[MaxProjections];
        public fixed int Rows[MaxProjections];
        public fixed int R[MaxProjections];
        public fixed int Offset[MaxProjections];
        public fixed float Scale[MaxProjections];
        public int Inner, Extra;
    }
}
