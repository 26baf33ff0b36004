using System.Runtime.InteropServices;

namespace Lapidary.Cli.Doctor;

/// <summary>A native library that the CUDA backend would use.</summary>
/// <param name="Title">What it is.</param> <param name="Advice">What to install where it is absent.</param>
/// <param name="Names">File names under which it goes, the newest first.</param>
internal sealed record CudaLibrary(string Title, string Advice, IReadOnlyList<string> Names)
{
    /// <summary>The three libraries.</summary>
    public static IReadOnlyList<CudaLibrary> All { get; } =
    [
        new("CUDA driver", "install NVIDIA's driver", ["libcuda.so.1", "nvcuda.dll"]),
        new("NVRTC", "install the CUDA toolkit 12 or 13, or 'pip download nvidia-cuda-nvrtc-cu12' and unpack it on LD_LIBRARY_PATH",
            ["libnvrtc.so.13", "libnvrtc.so.12", "nvrtc64_130_0.dll", "nvrtc64_120_0.dll"]),
        new("cuBLASLt", "install the CUDA toolkit 12 or 13, or 'pip download nvidia-cublas-cu12' and unpack it on LD_LIBRARY_PATH",
            ["libcublasLt.so.13", "libcublasLt.so.12", "cublasLt64_13.dll", "cublasLt64_12.dll"]),
    ];

    /// <summary>Where it was found, or its name where the system does not tell; null where it is absent.</summary>
    public string? Find()
    {
        foreach (string name in Names)
        {
            if (!NativeLibrary.TryLoad(name, out nint handle)) continue;
            string path = PathOf(name) ?? name;
            NativeLibrary.Free(handle);
            return path;
        }

        return null;
    }

    private static string? PathOf(string name)
    {
        const string Maps = "/proc/self/maps";
        if (!File.Exists(Maps)) return null;
        string stem = "/" + name;
        string? line = File.ReadLines(Maps).FirstOrDefault(line => line.Contains(stem, StringComparison.Ordinal));
        return line?[line.IndexOf('/', StringComparison.Ordinal)..];
    }
}
