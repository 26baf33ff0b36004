namespace Lapidary.Engine;

/// <summary>A linear layer with its LoRA adapter.</summary>
/// <param name="Weight">[out, in]: NF4, fp32, bf16 or fp16.</param>
/// <param name="Adapter">Null where the layer is not adapted.</param>
public sealed record Projection(Tensor Weight, LoraAdapter? Adapter)
{
    /// <summary>The gradient of <see cref="Weight"/>, fp32 [out, in], where the layer itself is trained; null where it is frozen. Weights
    /// that change have one in every pass, also in those without a backward step, so that no copy of an old value is kept.</summary>
    public Tensor? WeightGradient { get; init; }

    /// <summary>Adapters for single rows, in place of <see cref="Adapter"/>, which is then null. For <see cref="IOps.ProjectRows"/>
    /// alone.</summary>
    public RowAdapters? RowAdapters { get; init; }
}
