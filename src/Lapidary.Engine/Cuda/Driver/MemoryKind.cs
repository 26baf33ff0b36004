using System.Runtime.InteropServices;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>Memory of a device for cuMemCreate: CUmemAllocationProp.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryKind
{
    private const int Pinned = 1, OnDevice = 1;

    public int Type;
    public int HandleTypes;
    public int LocationType;
    public int Location;
    public nint Metadata;
    public ulong Flags;

    /// <summary>Ordinary memory of a device, not to be given to other processes.</summary>
    /// <param name="device">CUdevice.</param>
    public static MemoryKind Of(int device) => new() { Type = Pinned, LocationType = OnDevice, Location = device };
}

/// <summary>That a device may use some memory: CUmemAccessDesc.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryAccess
{
    private const int OnDevice = 1, ReadAndWrite = 3;

    public int LocationType;
    public int Location;
    public int Flags;

    /// <summary>A device may read and write it.</summary>
    /// <param name="device">CUdevice.</param>
    public static MemoryAccess By(int device) => new() { LocationType = OnDevice, Location = device, Flags = ReadAndWrite };
}
