using System.Runtime.InteropServices;
using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Loading;

/// <summary>Copies between host and device.</summary>
internal sealed unsafe class Transfers(CudaRuntime runtime) : IDisposable
{
    /// <summary>Larger weights are copied through pinned memory.</summary>
    private const int StagedBytes = 1 << 20;

    private HostStaging? _staging;

    /// <inheritdoc cref="IBackend.Write"/>
    /// <remarks>The driver has copied pageable host memory when the call returns.</remarks>
    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(source);
        if (bytes.Length > destination.LengthBytes)
            throw new ShapeException(nameof(Write), nameof(destination), $"{bytes.Length} bytes", destination);
        fixed (byte* first = bytes) CopyFromHost(first, destination.Address, bytes.Length);
    }

    /// <inheritdoc cref="IBackend.Read"/>
    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        if (bytes.Length > source.LengthBytes) throw new ShapeException(nameof(Read), nameof(source), $"{bytes.Length} bytes", source);
        if (runtime.OnlyCounts)
        {
            bytes.Clear();
            return;
        }

        var context = runtime.Context;
        context.MakeCurrent();
        fixed (byte* first = bytes) Check(cuMemcpyDtoHAsync(first, source.Address, (nuint)bytes.Length, context.Stream));
        Check(cuStreamSynchronize(context.Stream));
    }

    /// <inheritdoc cref="IBackend.Import"/>
    public Tensor Import(Tensor host, MemoryRegion region)
    {
        nint address = region.Allocate(host.LengthBytes);
        if (!runtime.OnlyCounts) Import((byte*)host.Address, host.LengthBytes, address);
        var scales = host.Scales is { } hostScales ? Import(hostScales, region) : null;
        return new Tensor(address, host.DType, host.Shape) { Name = host.Name, Scales = scales };
    }

    /// <summary>Copies host memory to pinned memory, buffer by buffer; see <see cref="HostStaging.Stream"/>. The device must be
    /// installed.</summary>
    public void Stage(byte* source, long lengthBytes, Action<nint, long, int> queue) =>
        (_staging ??= new HostStaging(runtime.Context!)).Stream(source, lengthBytes, queue);

    public void Dispose() => _staging?.Dispose();

    private Nf4Scales Import(Nf4Scales scales, MemoryRegion region) => scales with
    {
        Absmax = Import(scales.Absmax, region),
        NestedAbsmax = scales.NestedAbsmax is { } absmax ? Import(absmax, region) : null,
        NestedCode = scales.NestedCode is { } code ? Import(code, region) : null,
    };

    private void Import(byte* source, long lengthBytes, nint address)
    {
        if (lengthBytes <= StagedBytes) CopyFromHost(source, address, lengthBytes);
        else Stage(source, lengthBytes, (buffer, offset, length) => CopyFromHost((byte*)buffer, address + (nint)offset, length));
    }

    private void CopyFromHost(byte* source, nint destination, long lengthBytes)
    {
        if (runtime.OnlyCounts) return;
        runtime.Context.MakeCurrent();
        Check(cuMemcpyHtoDAsync(destination, source, (nuint)lengthBytes, runtime.Context.Stream));
    }
}
