namespace Lapidary.Engine;

/// <summary>The low-rank update of one linear layer: y += Scale · B · A · dropout(x).</summary>
/// <param name="A">lora_A, fp32 [r, in].</param>
/// <param name="B">lora_B, fp32 [out, r].</param>
/// <param name="Scale">lora_alpha / r, or lora_alpha / √r with use_rslora.</param>
/// <param name="Dropout">Null outside training or without dropout.</param>
public sealed record LoraAdapter(Parameter A, Parameter B, float Scale, Dropout? Dropout);
