using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>Explains a loss or a logit that is not finite. Loading does not search the weights, because that would read all of a mapped
/// file; the first such number triggers the search. Its result is kept for later callers: for the base as long as it is loaded, for trained
/// weights until they change.</summary>
internal static class Divergence
{
    /// <summary>Names the faulty weight and the next step, as the second half of an error.</summary>
    /// <param name="model">The model.</param>
    /// <param name="where">Finds where a result left the finite numbers, if all weights are finite; null, or a result of null, if that is
    /// unknown.</param>
    public static string Explain(GemmaModel model, Func<string?>? where = null)
    {
        if (model.Trained is { } trained && trained.Fault.Find(() => InTrained(trained, model.Backend)) is { } ofTrained) return ofTrained;
        bool usesBase = model.Trained is not { ReplacesBase: true };
        if (usesBase && model.BaseFault.Find(() => InBase(model)) is { } ofBase) return ofBase;
        string advice = model.Backend.ActivationDType == DType.Float16
            ? $"float16 ends at {(float)Half.MaxValue:N0}, so set DType to bfloat16 where the device has it, or set Device to cpu."
            : "check the adapter, and rms_norm_eps, rope_theta and query_pre_attn_scalar of config.json.";
        return where?.Invoke() is { } place
            ? $"all weights are finite, but {place}: {advice}"
            : $"all weights are finite, so a sum has grown too large on the way: {advice}";
    }

    private static string? InTrained(TrainedWeights trained, IBackend backend)
    {
        foreach (var parameter in trained.Parameters)
        {
            if (TensorStream.NonFinite(parameter.Value, backend) is not { } found) continue;
            return trained is Adapter
                ? $"the adapter's tensor {parameter.Name} holds {found}: use another adapter or an earlier checkpoint."
                : $"the trained tensor {parameter.Name} holds {found}: use an earlier checkpoint.";
        }

        return null;
    }

    private static string? InBase(GemmaModel model)
    {
        foreach (var (weight, backend) in WeightsOfBase(model))
        {
            if (weight.DType.IsFloatingPoint() && TensorStream.NonFinite(weight, backend) is { } found)
                return $"tensor {weight.Name} of the base holds {found}: download the model again or use another one.";
        }

        return null;
    }

    /// <summary>Norms and scales in 4 bits are checked on loading.</summary>
    private static IEnumerable<(Tensor Weight, IBackend? Backend)> WeightsOfBase(GemmaModel model)
    {
        (Tensor Weight, IBackend? Backend) Where(StoredMatrix matrix) =>
            matrix.OnHost is { } host ? (host, null) : (matrix.OnBackend.Value, model.Backend);

        yield return Where(model.EmbeddingTable);
        foreach (var layer in model.LinearLayers) yield return (layer.Weight, model.Backend);
        if (!model.Config.TieWordEmbeddings) yield return Where(model.HeadTable);
    }
}
