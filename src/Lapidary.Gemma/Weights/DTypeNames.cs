using Lapidary.Engine;

namespace Lapidary.Gemma.Weights;

/// <summary>The engine's types as files spell them: "BF16" in a safetensors header, "bfloat16" (torch's name) in JSON.</summary>
internal static class DTypeNames
{
    /// <summary>The type of a safetensors header, or null for one that only passes through as bytes.</summary>
    public static DType? FromSafetensors(string dtype) => dtype switch
    {
        "F32" => DType.Float32,
        "BF16" => DType.BFloat16,
        "F16" => DType.Float16,
        "U8" => DType.UInt8,
        "I32" => DType.Int32,
        "I64" => DType.Int64,
        _ => null,
    };

    /// <summary>The name in a safetensors header.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NF4, which is stored as U8 codes with separate scales.</exception>
    public static string ToSafetensors(DType dtype) => dtype switch
    {
        DType.Float32 => "F32",
        DType.BFloat16 => "BF16",
        DType.Float16 => "F16",
        DType.UInt8 => "U8",
        DType.Int32 => "I32",
        DType.Int64 => "I64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "No safetensors type."),
    };

    /// <summary>A floating type by torch's name, or null for another.</summary>
    public static DType? FromTorch(string? dtype) => dtype switch
    {
        "float32" => DType.Float32,
        "bfloat16" => DType.BFloat16,
        "float16" => DType.Float16,
        _ => null,
    };

    /// <summary>Torch's name of a floating type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is not a floating type.</exception>
    public static string ToTorch(DType dtype) => dtype switch
    {
        DType.Float32 => "float32",
        DType.BFloat16 => "bfloat16",
        DType.Float16 => "float16",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Weights are fp32, bf16 or fp16."),
    };
}
