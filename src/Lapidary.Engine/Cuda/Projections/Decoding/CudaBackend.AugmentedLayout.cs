namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Layers of one input that low_rank_down.cu, low_rank_up.cu and augmented_weight.cu take together.</summary>
    private const int MaxProjections = 3;

    /// <summary>Room for [x | xa₀ | xa₁ …] in bf16, good until the scratch of this purpose is used again.</summary>
    private AugmentedRows NewRows(string purpose, int tokens, in AugmentedLayout layout) =>
        new(_scratch.Get(purpose, DType.BFloat16.LengthBytes((long)tokens * layout.Width)), layout);

    /// <summary>A matrix of [tokens, layout.Width] in bf16.</summary>
    private readonly record struct AugmentedRows(nint Address, AugmentedLayout Layout)
    {
        /// <summary>Where an adapter's share of the first row begins.</summary>
        public nint Share(int projection) => Address + (nint)Layout.Column(projection) * sizeof(ushort);
    }

    /// <summary>Columns of the augmented matrices: the narrow side's, then every adapter's, each share a multiple of 8 elements.</summary>
    private readonly struct AugmentedLayout
    {
        public readonly IntegersOfProjections Offsets;
        public readonly int Extra;
        private readonly int _inner;

        public AugmentedLayout(IReadOnlyList<Projection> projections, int dim)
        {
            if (projections.Count > MaxProjections) throw new ArgumentException($"At most {MaxProjections} layers read one input together.", nameof(projections));
            _inner = RoundUp8(dim);
            for (int i = 0; i < projections.Count; i++)
            {
                Offsets[i] = Extra;
                if (projections[i].Adapter is { } adapter) Extra += RoundUp8(Rank(adapter));
            }
        }

        /// <summary>Elements of a row.</summary>
        public int Width => _inner + Extra;

        /// <summary>Where an adapter's share of a row begins.</summary>
        public int Column(int projection) => _inner + Offsets[projection];

        public static int RoundUp8(int count) => (count + 7) & ~7;
    }

    [System.Runtime.CompilerServices.InlineArray(MaxProjections)]
    private struct IntegersOfProjections
    {
        private int _first;
    }
}
