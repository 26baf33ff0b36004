using System.Runtime.InteropServices;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>Settings of a communicator: ncclConfig_t as it was in 2.17. Newer libraries use their defaults for later fields.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NcclConfig
{
    /// <summary>NCCL_CONFIG_UNDEF_INT: NCCL decides.</summary>
    private const int Unset = int.MinValue;

    public nuint Size;
    public uint Magic;
    public uint Version;
    public int Blocking;
    public int CgaClusterSize;
    public int MinCtas;
    public int MaxCtas;
    public nint NetName;
    public int SplitShare;
    private readonly int _padding;

    /// <summary>Calls return when they are done, or queued; all else is NCCL's choice.</summary>
    public static unsafe NcclConfig Default => new()
    {
        Size = (nuint)sizeof(NcclConfig),
        Magic = 0xcafebeef,
        Version = 21700,
        Blocking = 1,
        CgaClusterSize = Unset,
        MinCtas = Unset,
        MaxCtas = Unset,
        SplitShare = Unset,
    };
}
