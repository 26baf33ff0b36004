using System.Collections.Concurrent;
using Lapidary.Engine.Cuda.Driver;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;
using static Lapidary.Engine.Cuda.Driver.CudaMaps;

namespace Lapidary.Engine.Cuda.Device;

/// <summary>Memory that can be opened to other GPUs, allocation by allocation. Where a context opens all of its memory at once
/// (cuCtxEnablePeerAccess), freeing any of it waits for the other GPUs too, and for ever if one of them waits for this one in an
/// exchange.</summary>
internal sealed unsafe class OpenMemory
{
    private static readonly ConcurrentDictionary<nint, OpenMemory> All = [];

    private readonly nint _address;
    private readonly nuint _lengthBytes;

    private OpenMemory(nint address, nuint lengthBytes) => (_address, _lengthBytes) = (address, lengthBytes);

    /// <summary>Whether a device has such memory, and another GPU that could use it.</summary>
    /// <param name="device">CUdevice.</param>
    public static bool IsUseful(int device)
    {
        int supported;
        return CudaDevice.Count() > 1
            && cuDeviceGetAttribute(&supported, DeviceAttribute.VirtualMemoryManagementSupported, device) == 0 && supported == 1;
    }

    /// <summary>Allocates memory of a device, which only this device can use until <see cref="OpenTo"/>.</summary>
    /// <returns>The result of the first call that failed; 0 if none did.</returns>
    public static int Allocate(int device, long lengthBytes, out nint address)
    {
        address = 0;
        var kind = MemoryKind.Of(device);
        nuint unit;
        int result = cuMemGetAllocationGranularity(&unit, &kind, recommended: 0);
        if (result != 0) return result;
        nuint length = ((nuint)lengthBytes + unit - 1) / unit * unit;
        ulong memory;
        nint at;
        if ((result = cuMemCreate(&memory, length, &kind, flags: 0)) != 0) return result;
        result = cuMemAddressReserve(&at, length, alignment: 0, wanted: 0, flags: 0);
        if (result == 0)
        {
            result = cuMemMap(at, length, offset: 0, memory, flags: 0);
            if (result == 0)
            {
                var access = MemoryAccess.By(device);
                result = cuMemSetAccess(at, length, &access, count: 1);
                if (result != 0) _ = cuMemUnmap(at, length);
            }

            if (result != 0) _ = cuMemAddressFree(at, length);
        }

        _ = cuMemRelease(memory); // the map keeps it
        if (result != 0) return result;
        All[at] = new OpenMemory(at, length);
        address = at;
        return 0;
    }

    /// <summary>Whether an address is one of <see cref="Allocate"/>.</summary>
    public static bool Contains(nint address) => All.ContainsKey(address);

    /// <summary>Frees memory of <see cref="Allocate"/> that no queued work uses.</summary>
    public static void Free(nint address)
    {
        if (!All.TryRemove(address, out var block)) throw new ArgumentException("Not allocated here.", nameof(address));
        Check(cuMemUnmap(block._address, block._lengthBytes));
        Check(cuMemAddressFree(block._address, block._lengthBytes));
    }

    /// <summary>The allocation that an address lies in; null for other memory.</summary>
    public static OpenMemory? Around(nint address) =>
        All.Values.FirstOrDefault(block => address >= block._address && (nuint)(address - block._address) < block._lengthBytes);

    /// <summary>Lets other devices read and write it.</summary>
    /// <param name="devices">CUdevice of each.</param>
    /// <returns>Whether they can.</returns>
    public bool OpenTo(IEnumerable<int> devices)
    {
        foreach (int device in devices)
        {
            var access = MemoryAccess.By(device);
            if (cuMemSetAccess(_address, _lengthBytes, &access, count: 1) != 0) return false;
        }

        return true;
    }
}
