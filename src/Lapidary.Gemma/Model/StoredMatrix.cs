using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>A matrix of the base.</summary>
/// <param name="DType">Its type in memory.</param>
/// <param name="Shape">[out, in], or [vocabulary, hidden].</param>
/// <param name="OnBackend">The tensor on the backend, copied on first use. A run that trains a copy never uses it.</param>
/// <param name="OnHost">The same in host memory; null if it was created on the backend, or is used from there only.</param>
internal sealed record StoredMatrix(DType DType, long[] Shape, Lazy<Tensor> OnBackend, Tensor? OnHost)
{
    /// <summary>A matrix that is on the backend.</summary>
    public static StoredMatrix Of(Tensor tensor) => new(tensor.DType, tensor.Shape.ToArray(), new Lazy<Tensor>(tensor), OnHost: null);

    /// <summary>Copies its values to an fp32 tensor on the backend, from host memory if possible, so that the backend need not hold the
    /// base's matrix in addition to the trained one.</summary>
    /// <exception cref="Formats.LapidaryException">A value is not finite.</exception>
    public void WidenTo(Tensor target, GemmaModel model)
    {
        TensorStream.RequireFinite(OnHost ?? OnBackend.Value, OnHost is null ? model.Backend : null, model.Folder);
        if (OnHost is not null) TensorStream.WidenHost(OnHost, target, model.Backend);
        else TensorStream.Widen(OnBackend.Value, target, model.Backend);
    }
}
