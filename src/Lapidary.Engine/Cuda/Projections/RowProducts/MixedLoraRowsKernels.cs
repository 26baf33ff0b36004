using System.Runtime.CompilerServices;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>The adapters of a few rows, of which each has its own or none. A row has the bits that <see cref="LoraRowsKernels"/> gives
/// it.</summary>
internal sealed unsafe class MixedLoraRowsKernels(CudaRuntime runtime)
{
    private const int MaxProjections = AugmentedLayout.MaxProjections;

    // As lora_rows.cuh and lora_rows_mixed.cu have them.
    private const int Threads = 256, RanksPerBlock = 8, DownRows = 4, UpRows = 8, BlockOuts = 64, MaxAdapters = 32;

    /// <summary>Elements that a thread takes at once where sizes allow it.</summary>
    private const int Width = 4;

    /// <summary>Groups of rows whose runs need no more blocks to keep a device busy.</summary>
    private const int ManyGroups = 8;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _down4 = new("lora_rows_mixed.cu", "lora_rows_mixed_down_4");
    private readonly Kernel _down1 = new("lora_rows_mixed.cu", "lora_rows_mixed_down_1");
    private readonly Kernel _up = new("lora_rows_mixed.cu", "lora_rows_mixed_up");

    /// <summary>yᵢ += sᵢ · (x · Aᵢᵀ) · Bᵢᵀ, with the adapter of each row: two launches for up to 32 adapters.</summary>
    /// <remarks>The kernels depend only on sizes; which row has which adapter they read when they run.</remarks>
    public void AddTo(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        int count = 0;
        Tensor? indices = null;
        foreach (var projection in projections)
        {
            if (projection.RowAdapters is not { } others) continue;
            (indices, count) = (others.Indices, Math.Max(count, others.Adapters.Count));
        }

        for (int first = 0; first < count; first += MaxAdapters)
            Add(x, indices!, projections, ys, first, Math.Min(count - first, MaxAdapters));
    }

    private void Add(
        Tensor x, Tensor indices, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count)
    {
        var (rows, dim) = Rows(x);
        var args = new MixedLoraRowsArgs { X = x.Address, Indices = indices.Address, Rows = rows, Dim = dim, First = first, Count = count };
        int tiles = 0, most = 0, adapters = 0;
        for (int i = 0; i < MaxProjections; i++)
        {
            if (i < projections.Count && projections[i].RowAdapters is not null)
            {
                args.OutDim[i] = Rows(ys[i]).Dim;
                args.Y[i] = ys[i].Address;
                if (LoraRowsKernels.IsWide(runtime, ys[i])) args.WideY |= 1 << i;
                tiles += Tiles(args.OutDim[i], BlockOuts);
            }

            args.TileEnd[i] = tiles;
        }

        for (int place = 0; place < count; place++)
        {
            int ranks = Describe(projections, first + place, ref args.Adapters[place]);
            most = Math.Max(most, ranks);
            adapters += ranks > 0 ? 1 : 0;
        }

        if (adapters == 0) return;
        args.Ranks = Tiles(most, Width) * Width;
        args.Xa = runtime.Scratch.Get("adapted rows", DType.Float32.LengthBytes((long)rows * args.Ranks));
        Launch(dim % Width == 0 ? _down4 : _down1, Tiles(most, RanksPerBlock), DownRows, adapters, in args);
        Launch(_up, tiles, UpRows, adapters, in args);
    }

    /// <summary>Describes an adapter of the given layers.</summary>
    /// <returns>The sum of its ranks; 0 where it has none of these layers.</returns>
    private static int Describe(IReadOnlyList<Projection> projections, int index, ref LoraOfRow to)
    {
        int ranks = 0, all = 0;
        for (int i = 0; i < MaxProjections; i++)
        {
            if (i < projections.Count && projections[i].RowAdapters is { } others && index < others.Adapters.Count
                && others.Adapters[index] is { } adapter)
            {
                int r = Rank(adapter);
                to.A[i] = adapter.A.Value.Address;
                to.B[i] = adapter.B.Value.Address;
                to.Scale[i] = adapter.Scale;
                ranks += r;
                all |= r;
            }

            to.RankEnd[i] = ranks;
        }

        to.InFours = all % Width == 0 ? 1 : 0;
        return ranks;
    }

    /// <summary>With few groups of rows, the runs of a group go to different blocks; with many, most groups are one run.</summary>
    private void Launch(Kernel kernel, int blocks, int groupRows, int adapters, in MixedLoraRowsArgs args)
    {
        int groups = Tiles(args.Rows, groupRows), runs = Math.Min(Math.Min(adapters, groupRows), Math.Max(2, ManyGroups / groups));
        _launcher.Launch(kernel, new Dim3(blocks, groups, runs), Threads, sharedBytes: 0, in args);
    }

    private struct LoraOfRow
    {
        public fixed long A[MaxProjections];
        public fixed long B[MaxProjections];
        public fixed int RankEnd[MaxProjections];
        public fixed float Scale[MaxProjections];
        public int InFours;
    }

    [InlineArray(MaxAdapters)]
    private struct LoraOfRows
    {
        private LoraOfRow _first;
    }

    private struct MixedLoraRowsArgs
    {
        public nint X;
        public nint Indices;
        public fixed long Y[MaxProjections];
        public nint Xa;
        public fixed int OutDim[MaxProjections];
        public fixed int TileEnd[MaxProjections];
        public int Rows, Dim, Ranks, WideY, First, Count;
        public LoraOfRows Adapters;
    }
}
