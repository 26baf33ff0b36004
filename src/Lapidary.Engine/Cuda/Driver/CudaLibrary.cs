namespace Lapidary.Engine;

/// <summary>The native libraries of the CUDA backend.</summary>
public enum CudaLibrary
{
    /// <summary>The driver: libcuda.so.1, nvcuda.dll.</summary>
    Driver,

    /// <summary>The run-time compiler.</summary>
    Nvrtc,

    /// <summary>Matrix products.</summary>
    CublasLt,

    /// <summary>Exchange of tensors between GPUs; Linux only, and needed only on several GPUs.</summary>
    Nccl,
}

/// <summary>A library that was found.</summary>
/// <param name="Library">Which one.</param>
/// <param name="Path">Its path, or the name it was loaded by if the system does not report the path.</param>
/// <param name="Version">Its version; for the driver, the newest CUDA it supports.</param>
public sealed record FoundLibrary(CudaLibrary Library, string Path, Version Version)
{
    /// <summary>Handle of the loaded library.</summary>
    internal nint Handle { get; init; }
}
