namespace Lapidary.Engine;

/// <summary>How a weight is quantized; defaults are bitsandbytes' block size and the guide's double quantization.</summary>
/// <param name="BlockSize">Elements that share a scale: a power of two from 32 to 4,096.</param>
/// <param name="DoubleQuantization">Whether the scales are quantized to 8 bits (bnb_4bit_use_double_quant).</param>
public sealed record Nf4Options(int BlockSize = 64, bool DoubleQuantization = true);
