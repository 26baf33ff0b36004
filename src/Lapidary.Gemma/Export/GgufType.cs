namespace Lapidary.Gemma;

/// <summary>The type of the matrices in a GGUF file; norms are always fp32.</summary>
public enum GgufType
{
    /// <summary>32-bit floats: the exact weights, in twice the memory of 16 bits.</summary>
    F32,

    /// <summary>Half precision; refused where a weight exceeds its range.</summary>
    F16,

    /// <summary>bfloat16: the exact weights of a bfloat16 model.</summary>
    Bf16,

    /// <summary>8.5 bits a weight.</summary>
    Q8_0,

    /// <summary>4.5 bits a weight; the embedding, which is also the head, has 8.5.</summary>
    Q4_0,
}
