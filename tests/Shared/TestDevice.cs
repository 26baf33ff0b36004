using Lapidary.Engine;

namespace Lapidary.Tests;

/// <summary>The devices that one test body runs on. Without a GPU its cases there are skipped with the reason, or fail where
/// LAPIDARY_REQUIRE_CUDA is 1.</summary>
/// <remarks>Tests on the GPU share one backend and belong to the collection <see cref="Cuda"/>, so that one of them runs at a
/// time.</remarks>
internal static class TestDevice
{
    public const string Cpu = "cpu", Cuda = "cuda";

    private static readonly Lazy<CudaBackend> Gpu = new(() => new CudaBackend());

    /// <summary>A new CPU backend of one thread, or the GPU's. Give it to <see cref="Close"/> afterwards.</summary>
    public static IBackend Open(string device)
    {
        if (device == Cpu) return new CpuBackend(threads: 1);
        RequireGpu();
        return Gpu.Value;
    }

    /// <summary>Disposes of a backend, unless it is the shared one.</summary>
    public static void Close(IBackend backend)
    {
        if (!Gpu.IsValueCreated || backend != Gpu.Value) backend.Dispose();
    }

    /// <summary>Skips the test, or fails it, where there is no GPU.</summary>
    public static void RequireGpu()
    {
        if (CudaBackend.WhyUnavailable() is not { } reason) return;
        if (Environment.GetEnvironmentVariable("LAPIDARY_REQUIRE_CUDA") == "1") Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>The error allowed on a device: fp32 sums in another order on the CPU, roundings to bf16 on the GPU.</summary>
    public static double Within(string device, double fp32, double bf16) => device == Cpu ? fp32 : bf16;
}
