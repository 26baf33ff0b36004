namespace Lapidary.Engine;

/// <summary>A frozen linear layer with its LoRA adapter.</summary>
/// <param name="Weight">[out, in]: NF4, fp32, bf16 or fp16.</param>
/// <param name="Adapter">Null where the layer is not adapted.</param>
public sealed record Projection(Tensor Weight, LoraAdapter? Adapter);
