using System.Runtime.CompilerServices;
using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Columns of the augmented matrices: the narrow side's, then every adapter's, each share a multiple of 8 elements.</summary>
internal readonly struct AugmentedLayout
{
    /// <summary>Layers of one input that low_rank_down.cu, low_rank_up.cu and augmented_weight.cu take together.</summary>
    public const int MaxProjections = 3;

    public readonly IntegersOfProjections Offsets;
    public readonly int Extra;
    private readonly int _inner;

    public AugmentedLayout(IReadOnlyList<Projection> projections, int dim)
    {
        if (projections.Count > MaxProjections)
            throw new ArgumentException($"At most {MaxProjections} layers read one input together.", nameof(projections));
        _inner = RoundUp8(dim);
        for (int i = 0; i < projections.Count; i++)
        {
            Offsets[i] = Extra;
            if (projections[i].Adapter is { } adapter) Extra += RoundUp8(KernelShapes.Rank(adapter));
        }
    }

    /// <summary>Elements of a row.</summary>
    public int Width => _inner + Extra;

    /// <summary>Offset of an adapter's part of a row.</summary>
    public int Column(int projection) => _inner + Offsets[projection];

    public static int RoundUp8(int count) => (count + 7) & ~7;

    [InlineArray(MaxProjections)]
    public struct IntegersOfProjections
    {
        private int _first;
    }
}

/// <summary>A matrix of [tokens, layout.Width] of the type of activations.</summary>
internal readonly record struct AugmentedRows(nint Address, AugmentedLayout Layout)
{
    /// <summary>Memory for [x | xa₀ | xa₁ …], valid until the scratch of this purpose is used again.</summary>
    public static AugmentedRows In(CudaRuntime runtime, string purpose, int tokens, in AugmentedLayout layout) =>
        new(runtime.Scratch.Get(purpose, runtime.ActivationBytes((long)tokens * layout.Width)), layout);

    /// <summary>Address of an adapter's part of the first row.</summary>
    public nint Share(int projection) => Address + (nint)Layout.Column(projection) * sizeof(ushort);
}
