using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine;

/// <summary>Exact conversion of weights to fp32, numbers below 2⁻¹²⁶ flushed to zero.</summary>
internal static unsafe class Widen
{
    /// <summary>Widens <paramref name="count"/> elements from element <paramref name="first"/> of a weight.</summary>
    public static void ToSingle(Tensor weight, long first, int count, float* destination)
    {
        switch (weight.DType)
        {
            case DType.Float32:
                FromSingle((float*)weight.Address + first, count, destination);
                break;
            case DType.BFloat16:
                FromBFloat16((ushort*)weight.Address + first, count, destination);
                break;
            case DType.Float16:
                FromHalf((ushort*)weight.Address + first, count, destination);
                break;
            default:
                throw new ShapeException("NF4 quantization", nameof(weight), "Float32, BFloat16 or Float16", weight);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FromSingle(float* source, int count, float* destination)
    {
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            FlushToZero.Flush(Vector.Load(source + i)).Store(destination + i);
        }

        for (; i < count; i++) destination[i] = FlushToZero.Flush(source[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FromBFloat16(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out var low, out var high);
            FlushToZero.Flush(Vector.AsVectorSingle(low << 16)).Store(destination + i);
            FlushToZero.Flush(Vector.AsVectorSingle(high << 16)).Store(destination + i + Vector<float>.Count);
        }

        for (; i < count; i++) destination[i] = FlushToZero.Flush(BFloat16.ToSingle(source[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FromHalf(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out var low, out var high);
            FromHalf(low).Store(destination + i);
            FromHalf(high).Store(destination + i + Vector<float>.Count);
        }

        for (; i < count; i++) destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    /// <summary>Moves the fields into place and scales by 2¹¹², the difference of the exponents' biases; this normalizes subnormals too.
    /// Infinities and NaN, whose exponent is all ones, get fp32's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> FromHalf(Vector<uint> half)
    {
        var magnitude = half & new Vector<uint>(0x7FFF);
        var scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude << 13) * new Vector<float>(5.192296858534828e33f));
        var special = Vector.GreaterThan(magnitude, new Vector<uint>(0x7BFF)) & new Vector<uint>(0x7F800000);
        return Vector.AsVectorSingle(scaled | special | ((half & new Vector<uint>(0x8000)) << 16));
    }
}
