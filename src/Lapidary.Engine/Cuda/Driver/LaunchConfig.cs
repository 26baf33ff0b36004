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

/// <summary>CUlaunchAttribute: what it is, and a union of 64 bytes, of which a number is used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal struct LaunchAttribute
{
    [FieldOffset(0)]
    public LaunchAttributeId Id;

    [FieldOffset(8)]
    public int Value;
}

/// <summary>CUlaunchAttributeID.</summary>
internal enum LaunchAttributeId
{
    /// <summary>1: the kernel may start before the one before it in the stream has ended, and waits for that itself.</summary>
    ProgrammaticStreamSerialization = 6,
}
