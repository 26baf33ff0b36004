using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>Host memory, of which as much is available as a test says.</summary>
internal sealed unsafe class ScarceMemory : Allocator
{
    /// <summary>What is available beside what is allocated.</summary>
    public long Bytes { get; set; } = long.MaxValue;

    /// <summary>More than this cannot be allocated.</summary>
    public long Most { get; set; } = long.MaxValue;

    /// <inheritdoc/>
    public override long AvailableBytes => Bytes;

    /// <inheritdoc/>
    protected override nint AllocateCore(long lengthBytes, MemoryOwner owner)
    {
        if (lengthBytes > Most - LiveBytes) throw new LapidaryException($"Out of memory: {lengthBytes} bytes more are asked for.");
        void* memory = NativeMemory.AlignedAlloc((nuint)Math.Max(lengthBytes, 1), 64);
        NativeMemory.Clear(memory, (nuint)lengthBytes);
        return (nint)memory;
    }

    /// <inheritdoc/>
    protected override void FreeCore(nint address) => NativeMemory.AlignedFree((void*)address);
}
