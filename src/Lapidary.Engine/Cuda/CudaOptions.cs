namespace Lapidary.Engine;

/// <summary>How a <see cref="CudaBackend"/> computes.</summary>
public sealed record CudaOptions
{
    /// <summary>Type of activations: BFloat16; or Float16, with a residual stream in fp32. Null for the device's
    /// <see cref="CudaDevice.ActivationDType"/>.</summary>
    public DType? ActivationDType { get; init; }
}
