namespace Lapidary.Engine;

/// <summary>A trained tensor with the gradient its backward steps add to.</summary>
/// <param name="Name">PEFT's name, such as base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight.</param>
/// <param name="Value">fp32.</param>
/// <param name="Gradient">fp32, same shape, zeroed at the start of an optimizer step; null if the parameter is used but not
/// trained.</param>
public sealed record Parameter(string Name, Tensor Value, Tensor? Gradient);
