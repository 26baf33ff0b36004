using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>The adapters of a few rows, without dropout.</summary>
internal sealed unsafe class LoraRowsKernels(CudaRuntime runtime)
{
    private const int MaxAdapters = AugmentedLayout.MaxProjections;

    // As lora_rows.cuh and lora_rows.cu have them.
    private const int Threads = 256, RanksPerBlock = 8, DownRows = 4, UpRows = 8, BlockOuts = 64;

    /// <summary>Elements that a thread takes at once where sizes allow it.</summary>
    private const int Width = 4;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _down4 = new("lora_rows.cu", "lora_rows_down_4");
    private readonly Kernel _down1 = new("lora_rows.cu", "lora_rows_down_1");
    private readonly Kernel _up4 = new("lora_rows.cu", "lora_rows_up_4");
    private readonly Kernel _up1 = new("lora_rows.cu", "lora_rows_up_1");

    /// <summary>yᵢ += sᵢ · (x · Aᵢᵀ) · Bᵢᵀ for every projection with an adapter: two launches, or none without adapters.</summary>
    /// <remarks>The kernels depend only on the sizes of the adapters.</remarks>
    public void AddTo(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        var (rows, dim) = Rows(x);
        var args = new LoraRowsArgs { X = x.Address, Rows = rows, Dim = dim };
        int count = 0, tiles = 0, allRanks = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            if (IsWide(runtime, ys[i])) args.WideY |= 1 << count;
            int r = Rank(adapter), outDim = Rows(ys[i]).Dim;
            args.A[count] = adapter.A.Value.Address;
            args.B[count] = adapter.B.Value.Address;
            args.Y[count] = ys[i].Address;
            args.R[count] = r;
            args.OutDim[count] = outDim;
            args.Scale[count] = adapter.Scale;
            args.RankStart[count] = args.Ranks;
            args.Ranks += r;
            tiles += Tiles(outDim, BlockOuts);
            allRanks |= r;
            args.RankEnd[count] = args.Ranks;
            args.TileEnd[count] = tiles;
            count++;
        }

        if (count == 0) return;
        args.Xa = runtime.Scratch.Get("adapted rows", DType.Float32.LengthBytes((long)rows * args.Ranks));
        var down = dim % Width == 0 ? _down4 : _down1;
        var up = allRanks % Width == 0 ? _up4 : _up1;
        var downGrid = new Dim3(Tiles(args.Ranks, RanksPerBlock), Tiles(rows, DownRows));
        _launcher.Launch(down, downGrid, Threads, sharedBytes: 0, in args);
        _launcher.Launch(up, new Dim3(tiles, Tiles(rows, UpRows)), Threads, sharedBytes: 0, in args);
    }

    /// <summary>Whether an output is of the residual stream's type.</summary>
    /// <exception cref="ShapeException">It is neither that nor an activation.</exception>
    public static bool IsWide(CudaRuntime runtime, Tensor y)
    {
        if (y.DType == runtime.ActivationDType) return false;
        if (y.DType == runtime.ResidualDType) return true;
        throw new ShapeException(nameof(IOps.ProjectRows), "ys", $"{runtime.ActivationDType} for a layer with an adapter", y);
    }

    private struct LoraRowsArgs
    {
        public nint X;
        public fixed long A[MaxAdapters];
        public fixed long B[MaxAdapters];
        public fixed long Y[MaxAdapters];
        public fixed int R[MaxAdapters];
        public fixed int RankStart[MaxAdapters];
        public fixed int RankEnd[MaxAdapters];
        public fixed int OutDim[MaxAdapters];
        public fixed int TileEnd[MaxAdapters];
        public fixed float Scale[MaxAdapters];
        public nint Xa;
        public int Rows, Dim, Ranks, WideY;
    }
}
