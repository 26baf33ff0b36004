using System.Runtime.InteropServices;
using Lapidary.Engine.Tensors;

namespace Lapidary.Engine;

/// <summary>Conversions of whole spans between fp32 and the storage types.</summary>
public static unsafe class FloatConversion
{
    /// <summary>Widens raw little-endian elements exactly.</summary>
    /// <param name="source">Elements of <paramref name="dtype"/>.</param>
    /// <param name="dtype">fp32, bf16 or fp16.</param>
    /// <param name="destination">As many elements.</param>
    public static void ToSingle(ReadOnlySpan<byte> source, DType dtype, Span<float> destination)
    {
        switch (dtype)
        {
            case DType.Float32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case DType.BFloat16:
                WidenChecked(MemoryMarshal.Cast<byte, ushort>(source), destination, &Widen.FromBFloat16);
                break;
            case DType.Float16:
                WidenChecked(MemoryMarshal.Cast<byte, ushort>(source), destination, &Widen.FromHalf);
                break;
            default:
                throw new ArgumentException($"{dtype} is no floating type.", nameof(dtype));
        }
    }

    /// <summary>Rounds to nearest, ties to even, into raw little-endian elements.</summary>
    /// <param name="source">fp32.</param>
    /// <param name="dtype">fp32, bf16 or fp16.</param>
    /// <param name="destination">As many elements.</param>
    public static void FromSingle(ReadOnlySpan<float> source, DType dtype, Span<byte> destination)
    {
        switch (dtype)
        {
            case DType.Float32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case DType.BFloat16:
                var bfloats = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++) bfloats[i] = BFloat16.FromSingle(source[i]);
                break;
            case DType.Float16:
                var halves = MemoryMarshal.Cast<byte, Half>(destination);
                for (int i = 0; i < source.Length; i++) halves[i] = (Half)source[i];
                break;
            default:
                throw new ArgumentException($"{dtype} is no floating type.", nameof(dtype));
        }
    }

    private static void WidenChecked(ReadOnlySpan<ushort> source, Span<float> destination, delegate*<ushort*, int, float*, void> widen)
    {
        fixed (ushort* from = source)
        fixed (float* to = destination[..source.Length])
        {
            widen(from, source.Length, to);
        }
    }
}
