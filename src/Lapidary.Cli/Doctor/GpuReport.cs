using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Doctor;

/// <summary>A GPU of the machine, whether it can be used or not.</summary>
/// <param name="Ordinal">N of --device cuda:N.</param>
/// <param name="Name">Marketing name.</param>
/// <param name="MemoryBytes">All of its memory.</param>
/// <param name="FreeBytes">What is free of it now; null where the device does not tell.</param>
/// <param name="ComputeCapability">What its multiprocessors can do.</param>
internal sealed record GpuReport(int Ordinal, string Name, long MemoryBytes, long? FreeBytes, ComputeCapability ComputeCapability)
{
    public static GpuReport Of(CudaDevice device) =>
        new(device.Ordinal, device.Name, device.MemoryBytes, FreeBytesOf(device), device.ComputeCapability);

    private static long? FreeBytesOf(CudaDevice device)
    {
        try
        {
            return device.FreeBytes();
        }
        catch (LapidaryException)
        {
            return null;
        }
    }
}
