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

    /// <summary>Exchanges of tensors between GPUs, for Linux; only a run on several GPUs needs it.</summary>
    Nccl,
}

/// <summary>A library that was found.</summary>
/// <param name="Library">Which one.</param>
/// <param name="Path">Where it lies; the name it was loaded by where the system does not tell.</param>
/// <param name="Version">Its version; for the driver, the newest CUDA it supports.</param>
public sealed record FoundLibrary(CudaLibrary Library, string Path, Version Version)
{
    /// <summary>Handle of the loaded library.</summary>
    internal nint Handle { get; init; }
}
