using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Chooses the device on which models run.</summary>
public static class Backend
{
    private const string AutoName = "auto", CpuName = "cpu", CudaName = "cuda", CudaPrefix = "cuda:";

    /// <summary>The first GPU that can be used and has tensor cores, else the CPU.</summary>
    public static IBackend Auto() => Auto(out _, options: null);

    /// <summary>The first GPU that can be used and has tensor cores, else the CPU.</summary>
    /// <param name="reason">One line for a log: the device, and for the CPU why no GPU is used.</param>
    public static IBackend Auto(out string reason) => Auto(out reason, options: null);

    private static IBackend Auto(out string reason, CudaOptions? options)
    {
        if (CudaBackend.FirstAvailable() is { } device)
        {
            var gpu = new CudaBackend(device, options);
            reason = $"{CudaPrefix}{device.ToString(CultureInfo.InvariantCulture)}: {gpu.Description}";
            return gpu;
        }

        var cpu = new CpuBackend();
        string why = CudaBackend.WhyUnavailable() ?? $"{CudaDevice.Get(0).WhySlow()} Set device to {CudaName} to try it.";
        reason = $"{CpuName}: {cpu.Description}; no GPU is used: {why}";
        return cpu;
    }

    /// <summary>The device of a name, as settings files have it.</summary>
    /// <param name="device">"auto", "cpu", "cuda" for the first GPU, or "cuda:N".</param>
    /// <param name="options">How a GPU computes; null for its own choice.</param>
    /// <exception cref="LapidaryException">The name is none of these, or the GPU cannot be used; the message says why.</exception>
    public static IBackend Create(string device, CudaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        return TryParse(device, out int? ordinal)
            ? ordinal is { } gpu ? new CudaBackend(gpu, options) : device == CpuName ? new CpuBackend() : Auto(out _, options)
            : throw new LapidaryException($"Device: expected auto, cpu, cuda or cuda:N, found \"{device}\".");
    }

    /// <summary>Whether a name is one of a device, which need not be on this machine.</summary>
    /// <param name="device">The name.</param>
    /// <param name="ordinal">The GPU's number; null for auto and cpu.</param>
    internal static bool TryParse(string device, out int? ordinal)
    {
        ordinal = null;
        if (device is AutoName or CpuName) return true;
        if (device == CudaName) ordinal = 0;
        else if (device.StartsWith(CudaPrefix, StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(CudaPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            ordinal = number;
        return ordinal is not null;
    }
}
