using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Device;

/// <summary>Memory of a device, 256-byte aligned, zeroed on the backend's stream.</summary>
internal sealed unsafe class CudaAllocator(CudaContext context) : Allocator
{
    private const int OutOfMemory = 2;

    /// <inheritdoc/>
    public override long AvailableBytes => context.MemoryInfo().Free;

    /// <inheritdoc/>
    protected override nint AllocateCore(long lengthBytes, MemoryOwner owner)
    {
        context.MakeCurrent();
        nint address;
        int result = IsExchanged(owner) && OpenMemory.IsUseful(context.Device)
            ? OpenMemory.Allocate(context.Device, lengthBytes, out address)
            : cuMemAlloc(&address, (nuint)lengthBytes);
        if (result == OutOfMemory)
        {
            var (free, total) = context.MemoryInfo();
            throw new LapidaryException(
                $"Out of device memory: {owner} needs {ByteSize.Format(lengthBytes)}, "
                + $"{ByteSize.Format(free)} of {ByteSize.Format(total)} are free; in use: {Describe()}. "
                + "Try a smaller MaxLength or PerDeviceTrainBatchSize, or GradientCheckpointing true.");
        }

        Check(result);
        Check(cuMemsetD8Async(address, 0, (nuint)lengthBytes, context.Stream));
        return address;
    }

    /// <inheritdoc/>
    protected override void FreeCore(nint address)
    {
        context.MakeCurrent();
        if (OpenMemory.Contains(address))
        {
            Check(cuStreamSynchronize(context.Stream)); // as cuMemFree waits
            OpenMemory.Free(address);
            return;
        }

        Check(cuMemFree(address));
    }

    /// <summary>Whether ranks exchange such memory, so that other GPUs may read it in place.</summary>
    private static bool IsExchanged(MemoryOwner owner) =>
        owner is MemoryOwner.Parameters or MemoryOwner.Gradients or MemoryOwner.Exchange;
}
