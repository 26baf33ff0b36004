using System.Security.Cryptography;
using Lapidary.Engine;
using Lapidary.Engine.Cuda.Compilation;

namespace Lapidary.Benchmarks;

/// <summary>The SHA-256 of every CUDA file's PTX, so that a change that must not alter kernels can be checked: compare the lines from
/// before and after, by the same NVRTC. Needs no GPU.</summary>
internal static class KernelHashes
{
    /// <summary>A100, L4 and RTX 40, H100; in fp16 T4 and H100.</summary>
    private static readonly KernelTarget[] Targets =
    [
        new("compute_80"), new("compute_89"), new("compute_90"),
        new("compute_75", DType.Float16), new("compute_90", DType.Float16),
    ];

    public static int Run()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is not { } nvrtc)
        {
            Console.WriteLine($"No kernels were compiled: {CudaLibraries.HowToInstall(CudaLibrary.Nvrtc)}");
            return 0;
        }

        Console.Error.WriteLine($"NVRTC {nvrtc.Version}");
        foreach (var target in Targets)
        {
            string type = target.ActivationDType == DType.Float16 ? " fp16" : "";
            foreach (string file in KernelSources.FilesFor(target))
            {
                byte[] ptx = KernelCompiler.Compile(KernelSources.Read(file), KernelSources.Headers, target);
                Console.WriteLine($"{file} {target.Architecture}{type} {Convert.ToHexStringLower(SHA256.HashData(ptx))}");
            }
        }

        return 0;
    }
}
