using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Peers;

/// <summary>Kernels that read the memory of other GPUs. Addresses are those of all ranks' tensors, in the ranks' order.</summary>
internal sealed unsafe class PeerKernels(Launcher launcher)
{
    /// <summary>The most ranks that a kernel reads from.</summary>
    public const int MaxRanks = 16;

    private const int Threads = 256;

    private readonly Kernel _sum1 = new("peers.cu", "peer_sum_1");
    private readonly Kernel _sum4 = new("peers.cu", "peer_sum_4");
    private readonly Kernel _rows1 = new("peers.cu", "peer_rows_1");
    private readonly Kernel _rows4 = new("peers.cu", "peer_rows_4");

    /// <summary>A rank's part of its tensor = Σ over the ranks of that part, added in their order.</summary>
    /// <param name="tensors">Whole tensors of fp32, 16-byte aligned.</param>
    /// <param name="rank">Whose part.</param>
    /// <param name="part">Elements of a part.</param>
    public void Sum(ReadOnlySpan<nint> tensors, int rank, long part)
    {
        nint offset = (nint)(rank * part * sizeof(float));
        var args = new PeerSumArgs { Sum = tensors[rank] + offset, Count = part, Ranks = tensors.Length };
        for (int i = 0; i < tensors.Length; i++) args.Parts[i] = tensors[i] + offset;
        int width = part % 4 == 0 ? 4 : 1;
        launcher.LaunchStrided(width == 4 ? _sum4 : _sum1, part, width, in args);
    }

    /// <summary>Some rows of a rank's table = what their elements are on the ranks that own them.</summary>
    /// <param name="ids">Int32: the rows' numbers. Others than the table's are passed over.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="tables">Whole tables of fp32, 16-byte aligned.</param>
    /// <param name="rank">Whose table.</param>
    /// <param name="part">Elements of a part.</param>
    public void Rows(Tensor ids, int columns, ReadOnlySpan<nint> tables, int rank, long part)
    {
        var args = new PeerRowsArgs
        {
            Ids = ids.Address,
            Table = tables[rank],
            Part = part,
            Count = part * tables.Length,
            Columns = columns,
            Rank = rank,
        };
        for (int i = 0; i < tables.Length; i++) args.Tables[i] = tables[i];
        bool isWide = part % 4 == 0 && columns % 4 == 0;
        launcher.Launch(isWide ? _rows4 : _rows1, checked((int)ids.Count), Threads, sharedBytes: 0, in args);
    }

    private struct PeerSumArgs
    {
        public fixed long Parts[MaxRanks];
        public nint Sum;
        public long Count;
        public int Ranks;
    }

    private struct PeerRowsArgs
    {
        public nint Ids;
        public fixed long Tables[MaxRanks];
        public nint Table;
        public long Part, Count;
        public int Columns, Rank;
    }
}
