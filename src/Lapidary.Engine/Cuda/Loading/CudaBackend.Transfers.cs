using System.Runtime.InteropServices;
using Lapidary.Engine.Cuda.Loading;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Weights of more bytes take the way over pinned memory.</summary>
    private const int StagedBytes = 1 << 20;

    private HostStaging? _staging;

    private HostStaging Staging => _staging ??= new HostStaging(_context!);

    /// <inheritdoc/>
    /// <remarks>The driver has copied pageable host memory when the call returns, so <paramref name="source"/> may change at
    /// once.</remarks>
    public void Write<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(source);
        if (bytes.Length > destination.LengthBytes) throw new ShapeException(nameof(Write), nameof(destination), $"{bytes.Length} bytes", destination);
        fixed (byte* first = bytes) CopyFromHost(first, destination.Address, bytes.Length);
    }

    /// <inheritdoc/>
    public void Read<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        if (bytes.Length > source.LengthBytes) throw new ShapeException(nameof(Read), nameof(source), $"{bytes.Length} bytes", source);
        if (OnlyCounts)
        {
            bytes.Clear();
            return;
        }

        _context.MakeCurrent();
        fixed (byte* first = bytes) Check(cuMemcpyDtoHAsync(first, source.Address, (nuint)bytes.Length, _stream));
        Check(cuStreamSynchronize(_stream));
    }

    /// <inheritdoc/>
    public Tensor Import(Tensor host, MemoryRegion region)
    {
        nint address = OnlyCounts ? region.Allocate(host.LengthBytes) : ImportBytes((byte*)host.Address, host.LengthBytes, region);
        return new Tensor(address, host.DType, host.Shape) { Name = host.Name, Scales = host.Scales is { } scales ? Import(scales, region) : null };
    }

    /// <inheritdoc/>
    public void Zero(Tensor tensor) => Zero(tensor.Address, tensor.LengthBytes);

    private void Zero(nint address, long lengthBytes)
    {
        if (OnlyCounts) return;
        _context.MakeCurrent();
        Check(cuMemsetD8Async(address, 0, (nuint)lengthBytes, _stream));
    }

    private Nf4Scales Import(Nf4Scales scales, MemoryRegion region) => scales with
    {
        Absmax = Import(scales.Absmax, region),
        NestedAbsmax = scales.NestedAbsmax is { } absmax ? Import(absmax, region) : null,
        NestedCode = scales.NestedCode is { } code ? Import(code, region) : null,
    };

    private nint ImportBytes(byte* source, long lengthBytes, MemoryRegion region)
    {
        nint address = region.Allocate(lengthBytes);
        if (lengthBytes <= StagedBytes) CopyFromHost(source, address, lengthBytes);
        else
        {
            Staging.Stream(source, lengthBytes, (buffer, offset, length) => CopyFromHost((byte*)buffer, address + (nint)offset, length));
        }

        return address;
    }

    private void CopyFromHost(byte* source, nint destination, long lengthBytes)
    {
        if (OnlyCounts) return;
        _context.MakeCurrent();
        Check(cuMemcpyHtoDAsync(destination, source, (nuint)lengthBytes, _stream));
    }
}
