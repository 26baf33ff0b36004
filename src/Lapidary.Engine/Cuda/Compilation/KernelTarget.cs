using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>What a file is compiled to: machine code of one architecture (sm_90), or PTX (compute_90), which the driver finishes.</summary>
/// <param name="Architecture">NVRTC's name.</param>
internal sealed record KernelTarget(string Architecture)
{
    /// <summary>Whether the result is PTX.</summary>
    public bool IsPtx => Architecture.StartsWith("compute_", StringComparison.Ordinal);

    /// <summary>Whether its kernels wait for the one before them (after_previous_kernel of common.cuh), so that they may be started early.
    /// The code's architecture counts, not the device's: an old NVRTC compiles for an older one.</summary>
    public bool WaitsForPrevious
    {
        get
        {
            var number = Architecture.AsSpan(Architecture.IndexOf('_', StringComparison.Ordinal) + 1);
            return int.Parse(number, CultureInfo.InvariantCulture) >= 90;
        }
    }

    /// <summary>Machine code of the device itself where NVRTC knows the device, else PTX of the newest architecture that both
    /// know.</summary>
    /// <param name="device">The device's compute capability.</param>
    /// <param name="supported">Numbers of the architectures NVRTC knows: 80, 90.</param>
    /// <exception cref="LapidaryException">NVRTC knows none that the device can run.</exception>
    public static KernelTarget For(ComputeCapability device, IEnumerable<int> supported)
    {
        int best = supported.Where(number => number <= device.Number).DefaultIfEmpty(0).Max();
        if (best == device.Number) return new KernelTarget($"sm_{best}");
        return best >= ComputeCapability.Minimum.Number
            ? new KernelTarget($"compute_{best}")
            : throw new LapidaryException(
                $"NVRTC cannot compile for compute capability {device}: install a newer CUDA toolkit, or set device to cpu.");
    }
}
