using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Tensors;

/// <summary>16-bit floating-point numbers to fp32, exactly: the vector loops behind <see cref="FloatConversion.ToSingle"/> and the packing
/// of 16-bit weights.</summary>
internal static unsafe class Widen
{
    /// <summary>Widens <paramref name="count"/> bfloat16 elements exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromBFloat16(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out var low, out var high);
            Vector.AsVectorSingle(low << 16).Store(destination + i);
            Vector.AsVectorSingle(high << 16).Store(destination + i + Vector<float>.Count);
        }

        for (; i < count; i++) destination[i] = BFloat16.ToSingle(source[i]);
    }

    /// <summary>Widens <paramref name="count"/> binary16 elements exactly; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromHalf(ushort* source, int count, float* destination)
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
    public static Vector<float> FromHalf(Vector<uint> half)
    {
        var magnitude = half & new Vector<uint>(0x7FFF);
        var scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude << 13) * new Vector<float>(5.192296858534828e33f));
        var special = Vector.GreaterThan(magnitude, new Vector<uint>(0x7BFF)) & new Vector<uint>(0x7F800000);
        return Vector.AsVectorSingle(scaled | special | ((half & new Vector<uint>(0x8000)) << 16));
    }
}
