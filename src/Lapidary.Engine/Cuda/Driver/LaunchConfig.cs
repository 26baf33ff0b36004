using System.Runtime.InteropServices;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>How a kernel is launched: CUlaunchConfig.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LaunchConfig
{
    public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
    public nint Stream;
    public LaunchAttribute* Attributes;
    public uint AttributeCount;
}

/// <summary>CUlaunchAttribute: its id, and a union of 64 bytes, of which one number is used, or three.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal struct LaunchAttribute
{
    [FieldOffset(0)]
    public LaunchAttributeId Id;

    [FieldOffset(8)]
    public int Value;

    /// <summary>Blocks of a cluster.</summary>
    [FieldOffset(8)]
    public uint X;

    [FieldOffset(12)]
    public uint Y;

    [FieldOffset(16)]
    public uint Z;
}

/// <summary>CUlaunchAttributeID.</summary>
internal enum LaunchAttributeId
{
    /// <summary>Blocks of a cluster in each direction.</summary>
    ClusterDimension = 4,

    /// <summary>1: the kernel may start before its predecessor in the stream has ended, and waits for it.</summary>
    ProgrammaticStreamSerialization = 6,
}
