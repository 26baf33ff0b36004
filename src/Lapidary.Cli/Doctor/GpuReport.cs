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
    private CudaDevice Kind => CudaDevice.Like(Name, ComputeCapability, multiprocessors: 1, MemoryBytes);

    /// <summary>Why its kind cannot be used; null if it can.</summary>
    public string? WhyUnsupported => Kind.WhyUnsupported();

    /// <summary>Why it is slow; null if it is not.</summary>
    public string? WhySlow => Kind.WhySlow();

    /// <summary>The type that it computes in by itself; null if it cannot be used.</summary>
    public DType? ComputesIn => WhyUnsupported is null ? Kind.ActivationDType : null;

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
