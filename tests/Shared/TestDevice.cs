using Lapidary.Engine;

namespace Lapidary.Tests;

/// <summary>The devices that one test body runs on. Without a GPU its cases there are skipped with the reason, or fail where
/// LAPIDARY_REQUIRE_CUDA is 1.</summary>
/// <remarks>Tests on the GPU share one backend and belong to the collection <see cref="Cuda"/>, so that one of them runs at a
/// time.</remarks>
internal static class TestDevice
{
    public const string Cpu = "cpu", Cuda = "cuda";

    /// <summary>The GPU with activations in fp16 and an fp32 residual stream.</summary>
    public const string CudaFloat16 = "cuda in float16";

    private static readonly CudaOptions Float16 = new() { ActivationDType = DType.Float16 };
    private static readonly Lazy<CudaBackend> Gpu = new(() => new CudaBackend());
    private static readonly Lazy<CudaBackend> GpuInFloat16 = new(() => new CudaBackend(0, Float16));

    /// <summary>A new CPU backend of one thread, or the GPU's. Give it to <see cref="Close"/> afterwards.</summary>
    public static IBackend Open(string device)
    {
        if (device == Cpu) return new CpuBackend(threads: 1);
        RequireGpu();
        return device == CudaFloat16 ? GpuInFloat16.Value : Gpu.Value;
    }

    /// <summary>A backend of the test's own.</summary>
    public static IBackend New(string device, int threads)
    {
        if (device == Cpu) return new CpuBackend(threads);
        RequireGpu();
        return new CudaBackend(0, device == CudaFloat16 ? Float16 : null);
    }

    /// <summary>Disposes of a backend, unless it is a shared one.</summary>
    public static void Close(IBackend backend)
    {
        bool isShared = (Gpu.IsValueCreated && backend == Gpu.Value) || (GpuInFloat16.IsValueCreated && backend == GpuInFloat16.Value);
        if (!isShared) backend.Dispose();
    }

    /// <summary>Skips the test, or fails it, where there is no GPU.</summary>
    public static void RequireGpu()
    {
        if (CudaBackend.WhyUnavailable() is not { } reason) return;
        if (Environment.GetEnvironmentVariable("LAPIDARY_REQUIRE_CUDA") == "1") Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>The error allowed on a device: fp32 sums in another order on the CPU, roundings to bf16 on the GPU, or to fp16, which has
    /// three bits more; a quarter leaves room for small numbers, of which it has fewer.</summary>
    public static double Within(string device, double fp32, double bf16) => device == Cpu ? fp32 : device == CudaFloat16 ? bf16 / 4 : bf16;
}
