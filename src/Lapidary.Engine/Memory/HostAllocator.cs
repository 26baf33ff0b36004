using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Engine.Memory;

/// <summary>Native memory of the host, 64-byte aligned for vector loads.</summary>
internal sealed unsafe class HostAllocator : Allocator
{
    /// <inheritdoc/>
    public override long AvailableBytes => HostMemory.AvailableBytes;

    /// <inheritdoc/>
    protected override nint AllocateCore(long lengthBytes, MemoryOwner owner)
    {
        try
        {
            void* memory = NativeMemory.AlignedAlloc((nuint)lengthBytes, 64);
            NativeMemory.Clear(memory, (nuint)lengthBytes);
            return (nint)memory;
        }
        catch (OutOfMemoryException e)
        {
            throw new LapidaryException(
                $"Out of memory: {owner} needs {ByteSize.Format(lengthBytes)}; in use: {Describe()}. "
                + "Try a smaller MaxLength or PerDeviceTrainBatchSize, or GradientCheckpointing true.", e);
        }
    }

    /// <inheritdoc/>
    protected override void FreeCore(nint address) => NativeMemory.AlignedFree((void*)address);
}
