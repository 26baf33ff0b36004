using System.Security.Cryptography;
using Lapidary.Engine;
using Lapidary.Engine.Cuda.Compilation;

namespace Lapidary.Benchmarks;

/// <summary>The SHA-256 of every CUDA file's PTX, so that a change that must not alter kernels can be checked: compare the lines from
/// before and after, by the same NVRTC. Needs no GPU.</summary>
internal static class KernelHashes
{
    /// <summary>A100, L4 and RTX 40, H100.</summary>
    private static readonly int[] Architectures = [80, 89, 90];

    public static int Run()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is not { } nvrtc)
        {
            Console.WriteLine($"No kernels were compiled: {CudaLibraries.HowToInstall(CudaLibrary.Nvrtc)}");
            return 0;
        }

        Console.Error.WriteLine($"NVRTC {nvrtc.Version}");
        foreach (string file in KernelSources.Files)
        {
            var source = KernelSources.Read(file);
            foreach (int architecture in Architectures)
            {
                byte[] ptx = KernelCompiler.Compile(source, KernelSources.Headers, new KernelTarget($"compute_{architecture}"));
                Console.WriteLine($"{file} compute_{architecture} {Convert.ToHexStringLower(SHA256.HashData(ptx))}");
            }
        }

        return 0;
    }
}
