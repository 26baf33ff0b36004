using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>How the base's projections are held.</summary>
public enum QuantizationKind
{
    /// <summary>As the checkpoint stores them.</summary>
    None,

    /// <summary>4-bit NormalFloat, QLoRA's.</summary>
    Nf4,
}

/// <summary>How a model is loaded.</summary>
public sealed record ModelOptions
{
    /// <summary>Projections in NF4 or as stored; a bitsandbytes-4bit checkpoint stays NF4 either way.</summary>
    public QuantizationKind Quantization { get; init; }

    /// <summary>Quantize NF4's scales too (bnb_4bit_use_double_quant).</summary>
    public bool DoubleQuant { get; init; } = true;

    /// <summary>Compute type as transformers' dtype: Float32 or BFloat16; null for the backend's own, fp32 on the CPU.</summary>
    /// <remarks>The CPU computes in fp32 either way; with BFloat16 it rounds what the model's definition rounds once: the embedding's scale
    /// and weights stored wider.</remarks>
    public DType? DType { get; init; }

    /// <summary>Told of each layer that is loaded: layers done and in all.</summary>
    public Action<int, int>? OnProgress { get; init; }
}
