using System.Buffers.Binary;

namespace Lapidary.Formats.Gguf;

/// <summary>The block formats of ggml. Arithmetic is fp32 in ggml's order, so that the bytes are those of its own quantizer.</summary>
internal static class GgmlBlocks
{
    /// <summary>Values of a block.</summary>
    public const int Size = 32;

    /// <summary>Bytes of a Q8_0 block.</summary>
    public const int Q8Bytes = sizeof(ushort) + Size;

    /// <summary>Bytes of a Q4_0 block.</summary>
    public const int Q4Bytes = sizeof(ushort) + Size / 2;

    /// <summary>Blocks that a worker takes at a time.</summary>
    private const int Stripe = 1024;

    /// <summary>Quantizes whole blocks.</summary>
    /// <param name="values">Finite; a multiple of <see cref="Size"/>.</param>
    /// <param name="type">Q8_0 or Q4_0.</param>
    /// <param name="destination">Receives the blocks one after the other.</param>
    public static void Quantize(float[] values, GgmlType type, byte[] destination)
    {
        int blocks = values.Length / Size, bytes = type == GgmlType.Q8_0 ? Q8Bytes : Q4Bytes;
        Parallel.For(0, (blocks + Stripe - 1) / Stripe, stripe =>
        {
            for (int block = stripe * Stripe; block < Math.Min(blocks, (stripe + 1) * Stripe); block++)
            {
                var source = values.AsSpan(block * Size, Size);
                var target = destination.AsSpan(block * bytes, bytes);
                if (type == GgmlType.Q8_0) Q8(source, target);
                else Q4(source, target);
            }
        });
    }

    /// <summary>Value = d · q, with q from −127 to 127.</summary>
    private static void Q8(ReadOnlySpan<float> values, Span<byte> block)
    {
        float largest = 0;
        foreach (float value in values) largest = Math.Max(largest, Math.Abs(value));
        float d = largest / 127, inverse = d != 0 ? 1 / d : 0; // of the scale before it is rounded, as in ggml
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        for (int i = 0; i < Size; i++)
            block[sizeof(ushort) + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }

    /// <summary>Value = d · (q − 8), with q from 0 to 15. The value of largest magnitude, with its sign, becomes q = 0.</summary>
    private static void Q4(ReadOnlySpan<float> values, Span<byte> block)
    {
        float extreme = 0;
        foreach (float value in values)
            if (Math.Abs(value) > Math.Abs(extreme)) extreme = value;
        float d = extreme / -8, inverse = d != 0 ? 1 / d : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        for (int i = 0; i < Size / 2; i++)
            block[sizeof(ushort) + i] = (byte)(Code(values[i] * inverse) | Code(values[i + Size / 2] * inverse) << 4);

        static int Code(float scaled) => Math.Min(15, (int)(scaled + 8.5f));
    }
}
