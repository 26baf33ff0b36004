namespace Lapidary.Engine;

/// <summary>How a weight is quantized to NF4. The names in quotes are those of Hugging Face's BitsAndBytesConfig.</summary>
public sealed record Nf4Options
{
    /// <summary>The block sizes that <see cref="IsLegalBlockSize"/> takes, for messages.</summary>
    public const string LegalBlockSizes = "a power of two from 32 to 4096";

    /// <summary>Elements of the flattened weight that share a scale: a power of two from 32 to 4096.</summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>"bnb_4bit_use_double_quant": whether the scales are themselves quantized to 8 bits, 4.127 instead of 4.5 bits per
    /// weight.</summary>
    public bool DoubleQuant { get; init; } = true;

    /// <summary>The value subtracted from the scales before they are quantized; null for their mean, summed in fp64 and rounded to fp32.
    /// The mean of bitsandbytes is summed in another order and can differ by an ulp; to reproduce the bytes of a file, set its offset
    /// here.</summary>
    public float? Offset { get; init; }

    /// <summary>Threads to use; 0 for one per core. The bytes do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Whether bitsandbytes has kernels for blocks of this size.</summary>
    public static bool IsLegalBlockSize(long blockSize) => blockSize is 32 or 64 or 128 or 256 or 512 or 1024 or 2048 or 4096;
}
