namespace Lapidary.Engine;

/// <summary>cos and sin of every token's rotary angles, fp32 [tokens, headDim / 2] each, shared by all layers of one kind.</summary>
public sealed record RotaryTable(Tensor Cos, Tensor Sin);
