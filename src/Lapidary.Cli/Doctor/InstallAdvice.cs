using Lapidary.Engine;

namespace Lapidary.Cli.Doctor;

/// <summary>Installation advice for an NVIDIA GPU. The packages are the distribution's if it has them, else those of NVIDIA's
/// repository.</summary>
internal static class InstallAdvice
{
    private const string Repository = "https://developer.nvidia.com/cuda-downloads";

    /// <summary>Packages of NVIDIA's repositories for apt, dnf and zypper have their version in their name.</summary>
    private const string Version = "12-9";

    private const string LargerVersions = "a 13-* that the driver supports does as well";

    /// <summary>One line per task, in order; empty if nothing is missing.</summary>
    /// <param name="platform">The system.</param>
    /// <param name="missing">Missing libraries.</param>
    /// <param name="needsNccl">Whether the machine has several GPUs.</param>
    public static IReadOnlyList<string> For(Platform platform, IReadOnlyCollection<CudaLibrary> missing, bool needsNccl)
    {
        if (platform.Kind == SystemKind.MacOs) return [];
        var lines = new List<string>();
        if (missing.Contains(CudaLibrary.Driver)) lines.Add($"driver: {Driver(platform)}");
        CudaLibrary[] libraries = [.. new[] { CudaLibrary.Nvrtc, CudaLibrary.CublasLt }.Where(missing.Contains)];
        if (libraries.Length > 0) lines.Add(Libraries(platform.Kind, libraries));
        if (needsNccl && missing.Contains(CudaLibrary.Nccl) && platform.Kind != SystemKind.Windows)
            lines.Add($"NCCL, for several GPUs: {Nccl(platform.Kind)}");
        if (libraries.Length > 0 && platform.Kind != SystemKind.Windows)
        {
            string wheels = string.Join(' ', libraries.Select(library =>
                library == CudaLibrary.Nvrtc ? "nvidia-cuda-nvrtc-cu12" : "nvidia-cublas-cu12"));
            lines.Add($"without root: NVIDIA's Python packages have the same files (pip install {wheels})");
        }

        return lines;
    }

    private static string Driver(Platform platform) => platform switch
    {
        { IsWsl: true } => "install NVIDIA's driver in Windows, and none in WSL",
        { IsContainer: true } => "the host's is used: give the container its GPUs (docker run --gpus all, with NVIDIA's Container Toolkit)",
        { Kind: SystemKind.Windows } => "https://www.nvidia.com/drivers, version 525 or newer",
        { Kind: SystemKind.Ubuntu } => "sudo ubuntu-drivers install",
        { Kind: SystemKind.Debian } => "sudo apt install nvidia-driver (of the section non-free)",
        { Kind: SystemKind.Fedora } => $"add NVIDIA's repository ({Repository}), then sudo dnf install nvidia-open",
        { Kind: SystemKind.Suse } => $"add NVIDIA's repository ({Repository}), then sudo zypper install nvidia-open",
        { Kind: SystemKind.Arch } => "sudo pacman -S nvidia-open nvidia-utils",
        _ => "your distribution's package of NVIDIA's driver, version 525 or newer",
    };

    private static string Libraries(SystemKind system, CudaLibrary[] libraries)
    {
        string names = string.Join(" and ", libraries.Select(library => library == CudaLibrary.Nvrtc ? "NVRTC" : "cuBLASLt"));
        string packages = string.Join(' ', libraries.Select(library =>
            library == CudaLibrary.Nvrtc ? $"cuda-nvrtc-{Version}" : $"libcublas-{Version}"));
        return $"{names}: " + system switch
        {
            SystemKind.Debian or SystemKind.Ubuntu => Packages("apt"),
            SystemKind.Fedora => Packages("dnf"),
            SystemKind.Suse => Packages("zypper"),
            SystemKind.Arch => "sudo pacman -S cuda",
            _ => $"the CUDA toolkit 12 or 13, {Repository}",
        };

        string Packages(string manager) =>
            $"add NVIDIA's repository ({Repository}), then sudo {manager} install {packages} ({LargerVersions})";
    }

    private static string Nccl(SystemKind system) => system switch
    {
        SystemKind.Debian or SystemKind.Ubuntu => "sudo apt install libnccl2, from NVIDIA's repository",
        SystemKind.Fedora => "sudo dnf install libnccl, from NVIDIA's repository",
        SystemKind.Suse => "sudo zypper install libnccl, from NVIDIA's repository",
        SystemKind.Arch => "sudo pacman -S nccl",
        _ => "NVIDIA's package libnccl2, https://developer.nvidia.com/nccl",
    };
}
