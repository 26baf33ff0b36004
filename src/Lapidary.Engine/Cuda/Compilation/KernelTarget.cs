using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>The target of a compilation: machine code for one architecture (sm_90), or PTX (compute_90), which the driver compiles
/// further; for activations of a type.</summary>
/// <param name="Architecture">NVRTC's name.</param>
/// <param name="ActivationDType">BFloat16 or Float16: what common.cuh calls act.</param>
internal sealed record KernelTarget(string Architecture, DType ActivationDType = DType.BFloat16)
{
    /// <summary>The architecture whose warpgroups multiply together. No later one has their instructions, so its name says that code is
    /// for it alone.</summary>
    public const int WithWarpgroups = 90;

    private const char ThisAlone = 'a';

    private static readonly Version KnowsWarpgroups = new(12, 0);

    /// <summary>The macro that chooses fp16; none chooses bf16.</summary>
    public IEnumerable<string> Options => ActivationDType == DType.Float16 ? ["-DACTIVATIONS_FLOAT16"] : [];

    /// <summary>Whether the result is PTX.</summary>
    public bool IsPtx => Architecture.StartsWith("compute_", StringComparison.Ordinal);

    /// <summary>Whether its kernels wait for their predecessor (after_previous_kernel of common.cuh), so that they may start early. The
    /// code's architecture counts, not the device's, because an old NVRTC compiles for an older one.</summary>
    public bool WaitsForPrevious => Number >= 90;

    /// <summary>Whether its warpgroups multiply together.</summary>
    public bool HasWarpgroups => Architecture[^1] == ThisAlone;

    /// <summary>Whether its kernels may run in clusters of blocks.</summary>
    public bool HasClusters => Number >= 90;

    private int Number => int.Parse(
        Architecture.AsSpan(Architecture.IndexOf('_', StringComparison.Ordinal) + 1).TrimEnd(ThisAlone), CultureInfo.InvariantCulture);

    /// <summary>Machine code for the device if NVRTC supports it, else PTX for the newest architecture that both support.</summary>
    /// <param name="device">The device's compute capability.</param>
    /// <param name="compiler">NVRTC's version.</param>
    /// <param name="supported">Numbers of the architectures NVRTC knows: 80, 90.</param>
    /// <param name="activations">Type of activations.</param>
    /// <exception cref="LapidaryException">NVRTC knows none that the device can run.</exception>
    public static KernelTarget For(
        ComputeCapability device, Version compiler, IEnumerable<int> supported, DType activations = DType.BFloat16)
    {
        int best = supported.Where(number => number <= device.Number).DefaultIfEmpty(0).Max();
        bool hasWarpgroups = best == WithWarpgroups && compiler >= KnowsWarpgroups;
        if (best == device.Number) return new KernelTarget(hasWarpgroups ? $"sm_{best}{ThisAlone}" : $"sm_{best}", activations);
        var minimum = activations == DType.Float16 ? ComputeCapability.Minimum : ComputeCapability.MinimumOfBFloat16;
        return best >= minimum.Number
            ? new KernelTarget($"compute_{best}", activations)
            : throw new LapidaryException(
                $"NVRTC cannot compile for compute capability {device}: install a newer CUDA toolkit, or set device to cpu.");
    }
}
