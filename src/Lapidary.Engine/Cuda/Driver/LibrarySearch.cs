using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats.Files;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>The places of CUDA libraries: the loader's path, a toolkit, NVIDIA's HPC SDK and pip wheels, a conda environment,
/// LD_LIBRARY_PATH.</summary>
internal sealed partial class LibrarySearch
{
    /// <summary>Names of a toolkit's machines: x86-64, and arm64 servers. The loader refuses libraries for another machine.</summary>
    private static readonly string[] Targets = ["x86_64-linux", "sbsa-linux"];

    /// <summary>The same machines as the HPC SDK names them.</summary>
    private static readonly string[] SdkTargets = ["Linux_x86_64", "Linux_aarch64"];

    private readonly Func<string, string?> _environment;
    private readonly bool _windows;
    private readonly string _root;

    /// <summary>A search of this machine, or of a test's folders.</summary>
    /// <param name="environment">Value of an environment variable.</param>
    /// <param name="windows">Whether to look for Windows' names.</param>
    /// <param name="root">The folder taken for /.</param>
    public LibrarySearch(Func<string, string?> environment, bool windows, string root = "/") =>
        (_environment, _windows, _root) = (environment, windows, root);

    /// <summary>The search of this machine.</summary>
    public static LibrarySearch Machine { get; } = new(Environment.GetEnvironmentVariable, OperatingSystem.IsWindows());

    /// <summary>File names of a library with their CUDA major version (0 if the name does not contain it), newest first. NVRTC 11 keeps the
    /// name of 11.2.</summary>
    public IReadOnlyList<(string File, int Major)> Names(CudaLibrary library) => (library, _windows) switch
    {
        (CudaLibrary.Driver, false) => [("libcuda.so.1", 0)],
        (CudaLibrary.Driver, true) => [("nvcuda.dll", 0)],
        (CudaLibrary.Nvrtc, false) => [("libnvrtc.so.13", 13), ("libnvrtc.so.12", 12), ("libnvrtc.so.11.2", 11)],
        (CudaLibrary.Nvrtc, true) => [("nvrtc64_130_0.dll", 13), ("nvrtc64_120_0.dll", 12), ("nvrtc64_112_0.dll", 11)],
        (CudaLibrary.Nccl, false) => [("libnccl.so.2", 0)],
        (CudaLibrary.Nccl, true) => [],
        (_, false) => [("libcublasLt.so.13", 13), ("libcublasLt.so.12", 12), ("libcublasLt.so.11", 11)],
        (_, true) => [("cublasLt64_13.dll", 13), ("cublasLt64_12.dll", 12), ("cublasLt64_11.dll", 11)],
    };

    /// <summary>The files to try, in order: the newest version first, and each by its bare name before the folders.</summary>
    /// <param name="library">The library.</param>
    /// <param name="newestMajor">The newest CUDA major version to accept: the driver's, because it cannot load code of a newer one.</param>
    public IEnumerable<string> Candidates(CudaLibrary library, int newestMajor)
    {
        foreach (var (file, major) in Names(library))
        {
            if (major > newestMajor) continue;
            yield return file;
            foreach (string folder in Folders())
            {
                string path = Path.Combine(folder, file);
                if (File.Exists(path) && (major > 0 || MajorOf(path) <= newestMajor)) yield return path;
            }
        }
    }

    /// <summary>The CUDA major version that a file was built for, if its folder shows it; else 0. NCCL's file name does not show it: both
    /// nvidia-nccl-cu12 and -cu13 are nvidia/nccl/lib/libnccl.so.2.</summary>
    internal static int MajorOf(string path)
    {
        if (FolderOfCuda().Match(path) is { Success: true } match) return Number(match);
        string? packages = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(path))));
        if (packages is null || !path.StartsWith(Path.Combine(packages, "nvidia", "nccl"), StringComparison.Ordinal)) return 0;
        var wheels = Children(packages, "nvidia_nccl_cu*.dist-info");
        int[] majors = [.. wheels.Select(wheel => Number(WheelOfCuda().Match(wheel))).Distinct()];
        return majors is [int major] ? major : 0;

        static int Number(Match match) => match.Success ? int.Parse(match.Groups["major"].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>The file of a loaded library, whatever version its name refers to: libnvrtc.so.12 to libnvrtc.so.12.4.127.</summary>
    /// <param name="maps">Lines of /proc/self/maps, which end with a path.</param>
    /// <param name="name">The name it was loaded by.</param>
    /// <returns>Null if no such file is mapped.</returns>
    public static string? MappedPath(IEnumerable<string> maps, string name)
    {
        int version = name.IndexOf(".so", StringComparison.Ordinal);
        if (version < 0) return null;
        string beginning = "/" + name[..(version + 3)];
        return maps.Select(line => line.IndexOf('/', StringComparison.Ordinal) is > 0 and var start ? line[start..] : "")
            .FirstOrDefault(path =>
                path.LastIndexOf('/') is >= 0 and var slash && path[slash..].StartsWith(beginning, StringComparison.Ordinal));
    }

    /// <summary>Existing folders that may hold libraries, without repetition.</summary>
    public IEnumerable<string> Folders() => AllFolders().Where(Directory.Exists).Distinct(StringComparer.Ordinal);

    private IEnumerable<string> AllFolders()
    {
        foreach (string folder in Paths(_windows ? "PATH" : "LD_LIBRARY_PATH")) yield return folder;
        foreach (string variable in (string[])["CUDA_PATH", "CUDA_HOME"])
        {
            if (_environment(variable) is { Length: > 0 } toolkit)
            {
                foreach (string folder in ToolkitFolders(toolkit)) yield return folder;
            }
        }

        if (_windows)
        {
            if (_environment("ProgramFiles") is { Length: > 0 } programs)
            {
                foreach (string toolkit in Children(Path.Combine(programs, "NVIDIA GPU Computing Toolkit", "CUDA"), "v*"))
                {
                    foreach (string folder in ToolkitFolders(toolkit)) yield return folder;
                }
            }
        }
        else
        {
            foreach (string toolkit in Children(Path.Combine(_root, "usr", "local"), "cuda*"))
            {
                foreach (string folder in ToolkitFolders(toolkit)) yield return folder;
            }

            yield return Path.Combine(_root, "usr", "lib", "wsl", "lib");
            yield return Path.Combine(_root, "usr", "local", "nvidia", "lib64");
            foreach (string sdk in Sdks())
            {
                yield return Path.Combine(sdk, "comm_libs", "nccl", "lib");
                foreach (string cuda in Children(Path.Combine(sdk, "comm_libs"), "1*")) yield return Path.Combine(cuda, "nccl", "lib");
            }
        }

        foreach (string packages in SitePackages())
        {
            foreach (string wheel in Children(Path.Combine(packages, "nvidia"), "*"))
            {
                yield return Path.Combine(wheel, _windows ? "bin" : "lib");
                if (_windows) yield return Path.Combine(wheel, "bin", "x86_64");
            }
        }

        if (_environment("CONDA_PREFIX") is { Length: > 0 } conda)
            yield return _windows ? Path.Combine(conda, "Library", "bin") : Path.Combine(conda, "lib");
    }

    /// <summary>Versions of NVIDIA's HPC SDK: the one that is set up, then the installed ones.</summary>
    private IEnumerable<string> Sdks()
    {
        if (_environment("NVHPC_ROOT") is { Length: > 0 } sdk) yield return sdk;
        string root = _environment("NVHPC") is { Length: > 0 } folder ? folder : Path.Combine(_root, "opt", "nvidia", "hpc_sdk");
        foreach (string target in SdkTargets)
        {
            foreach (string version in Children(Path.Combine(root, target), "2*")) yield return version;
        }
    }

    /// <summary>A toolkit's folders; CUDA 13 moved Windows' into bin\x64.</summary>
    private IEnumerable<string> ToolkitFolders(string toolkit) => _windows
        ? [Path.Combine(toolkit, "bin"), Path.Combine(toolkit, "bin", "x64")]
        : [Path.Combine(toolkit, "lib64"), Path.Combine(toolkit, "lib"),
            .. Targets.Select(name => Path.Combine(toolkit, "targets", name, "lib"))];

    /// <summary>Python's site-packages: of the active environment, of the pythons on PATH, of the user and of the system.</summary>
    private IEnumerable<string> SitePackages()
    {
        List<string> prefixes = [];
        if (_environment("VIRTUAL_ENV") is { Length: > 0 } virtualEnvironment) prefixes.Add(virtualEnvironment);
        if (_environment("CONDA_PREFIX") is { Length: > 0 } conda) prefixes.Add(conda);
        if (!_windows)
        {
            // /opt/env/bin on PATH: libraries are in /opt/env/lib.
            prefixes.AddRange(
            Paths("PATH").Where(folder => Path.GetFileName(folder) == "bin").Select(folder => Path.GetDirectoryName(folder)!));
            if (_environment("HOME") is { Length: > 0 } home) prefixes.Add(Path.Combine(home, ".local"));
            prefixes.Add(Path.Combine(_root, "usr", "local"));
            prefixes.Add(Path.Combine(_root, "usr"));
        }

        foreach (string prefix in prefixes)
        {
            if (_windows) yield return Path.Combine(prefix, "Lib", "site-packages");
            foreach (string python in Children(Path.Combine(prefix, "lib"), "python3*"))
            {
                yield return Path.Combine(python, "site-packages");
                yield return Path.Combine(python, "dist-packages");
            }
        }
    }

    private string[] Paths(string variable) =>
        (_environment(variable) ?? "").Split(_windows ? ';' : ':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Sub-folders of a folder that may be missing or unreadable, newest version name first.</summary>
    private static IEnumerable<string> Children(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern).OrderDescending(StringComparer.Ordinal) : [];
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return [];
        }
    }

    /// <summary>"cu13", "cuda-12.9", "comm_libs/12.4".</summary>
    [GeneratedRegex(@"[/\\](?:cu|cuda-?|comm_libs[/\\])(?<major>1\d)(?:\.\d+)*[/\\]")]
    private static partial Regex FolderOfCuda();

    [GeneratedRegex(@"nvidia_nccl_cu(?<major>1\d)-[^/\\]*\z")]
    private static partial Regex WheelOfCuda();
}
