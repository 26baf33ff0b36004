using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Writes [W | 0 | s · B | 0] in the type of activations, s with <see cref="CudaRuntime.FactorOfB"/>, [out, dim + extra] with dim
/// rounded up to 8: a layer and its adapter as one matrix.</summary>
internal sealed unsafe class AugmentedWeightKernels(CudaRuntime runtime)
{
    private const int MaxProjections = AugmentedLayout.MaxProjections;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly float _factorOfB = runtime.FactorOfB;
    private readonly Kernel _any = new("augmented_weight.cu", "augmented_weight");
    private readonly Kernel _nf4 = new("augmented_weight.cu", "augmented_weight_nf4");
    private readonly Kernel _adapterColumns = new("augmented_weight.cu", "adapter_columns");

    /// <summary>Bytes of the matrix.</summary>
    public long LengthBytes(Tensor weight, int dim, int extra) =>
        runtime.ActivationBytes(weight.Shape[0] * (AugmentedLayout.RoundUp8(dim) + extra));

    /// <summary>Queues the decoding of a weight with the columns of its adapter.</summary>
    public void Write(in Projection projection, int offset, int dim, int extra, nint y)
    {
        var (weight, adapter) = projection;
        int rows = Rows(weight).Rows;
        int runs = DecodingRuns.Of(rows, AugmentedLayout.RoundUp8(dim) + extra);
        var args = new AugmentedWeightArgs
        {
            Nf4 = weight.Scales is null ? default : Nf4Matrix.Of(weight),
            W = weight.Scales is null ? weight.Address : 0,
            B = adapter?.B.Value.Address ?? 0,
            Y = y,
            Rows = rows,
            Dim = dim,
            DType = (int)weight.DType,
            R = adapter is null ? 0 : Rank(adapter),
            Offset = offset,
            Extra = extra,
            Scale = (adapter?.Scale ?? 0) * _factorOfB,
        };
        if (weight.Scales is not null && dim % DecodingRuns.Width == 0) _launcher.LaunchRuns(_nf4, runs, args);
        else _launcher.LaunchEach(_any, runs, DecodingRuns.Threads, args);
    }

    /// <summary>Queues the writing of the columns behind W's alone, of up to three weights at once. <paramref name="addresses"/> is 0 for a
    /// projection that is left out.</summary>
    public void WriteAdapterColumns(
        IReadOnlyList<Projection> projections, in AugmentedLayout layout, int dim, ReadOnlySpan<nint> addresses)
    {
        var args = new AdapterColumnsArgs { Inner = AugmentedLayout.RoundUp8(dim), Extra = layout.Extra };
        int count = 0, maxRuns = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            if (addresses[i] == 0) continue;
            var (weight, adapter) = projections[i];
            args.B[count] = adapter?.B.Value.Address ?? 0;
            args.Y[count] = addresses[i];
            args.Rows[count] = Rows(weight).Rows;
            args.R[count] = adapter is null ? 0 : Rank(adapter);
            args.Offset[count] = layout.Offsets[i];
            args.Scale[count] = (adapter?.Scale ?? 0) * _factorOfB;
            maxRuns = Math.Max(maxRuns, DecodingRuns.Of(args.Rows[count], layout.Extra));
            count++;
        }

        if (count == 0) return;
        var grid = new Dim3(Tiles(maxRuns, DecodingRuns.Threads), count);
        _launcher.Launch(_adapterColumns, grid, DecodingRuns.Threads, sharedBytes: 0, in args);
    }

    private struct AugmentedWeightArgs
    {
        public Nf4Matrix Nf4;
        public nint W, B, Y;
        public int Rows, Dim, DType, R, Offset, Extra;
        public float Scale;
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
