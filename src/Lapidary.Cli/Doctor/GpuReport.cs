using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Doctor;

/// <summary>A GPU of the machine, usable or not.</summary>
/// <param name="Ordinal">N of --device cuda:N.</param>
/// <param name="Name">Marketing name.</param>
/// <param name="MemoryBytes">Total memory.</param>
/// <param name="FreeBytes">Free memory; null if unknown.</param>
/// <param name="ComputeCapability">The features of its multiprocessors.</param>
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
