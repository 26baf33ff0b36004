using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Hub;

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
    public bool DoubleQuant { get; init; } = new Nf4Options().DoubleQuant;

    /// <summary>transformers' dtype: Float32 or BFloat16; null ("auto") for the checkpoint's own.</summary>
    /// <remarks>The CPU computes in fp32 either way. The type decides what is rounded on loading: with BFloat16 weights stored wider, and
    /// the embedding's scale, which the model defines in the weights' type (√1152 is 34 in bf16, 33.94 in fp32).</remarks>
    public DType? DType { get; init; }

    /// <summary>Copy a matrix to the device when it is first used, instead of on loading. <see cref="FullWeights"/> then takes the values
    /// from the mapped files, and the device holds no weight twice. Quantized matrices are there from the start.</summary>
    public bool LoadOnUse { get; init; }

    /// <summary>Fetches the files of an id; null for a client that the environment describes.</summary>
    public HubClient? Hub { get; init; }

    /// <summary>Told of each layer that is loaded.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }
}
