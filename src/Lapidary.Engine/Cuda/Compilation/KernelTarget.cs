using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>The target of a compilation: machine code for one architecture (sm_90), or PTX (compute_90), which the driver compiles
/// further.</summary>
/// <param name="Architecture">NVRTC's name.</param>
internal sealed record KernelTarget(string Architecture)
{
    /// <summary>Whether the result is PTX.</summary>
    public bool IsPtx => Architecture.StartsWith("compute_", StringComparison.Ordinal);

    /// <summary>Whether its kernels wait for their predecessor (after_previous_kernel of common.cuh), so that they may start early. The
    /// code's architecture counts, not the device's, because an old NVRTC compiles for an older one.</summary>
    public bool WaitsForPrevious
    {
        get
        {
            var number = Architecture.AsSpan(Architecture.IndexOf('_', StringComparison.Ordinal) + 1);
            return int.Parse(number, CultureInfo.InvariantCulture) >= 90;
        }
    }

    /// <summary>Machine code for the device if NVRTC supports it, else PTX for the newest architecture that both support.</summary>
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
