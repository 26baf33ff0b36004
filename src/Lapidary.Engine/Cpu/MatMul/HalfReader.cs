using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu;

/// <summary>Widens 16-bit floating-point numbers to fp32, exactly.</summary>
internal static unsafe class HalfReader
{
    /// <summary>bf16: the bits become the upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ReadBFloat16(ushort* from, int count, float* to)
    {
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(from + i), out var low, out var high);
            Vector.Store(Vector.AsVectorSingle(low << 16), to + i);
            Vector.Store(Vector.AsVectorSingle(high << 16), to + i + Vector<float>.Count);
        }

        for (; i < count; i++) to[i] = BFloat16.ToSingle(from[i]);
    }

    /// <summary>fp16, with its subnormal numbers, infinities and NaNs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ReadFloat16(ushort* from, int count, float* to)
    {
        int i = 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(from + i), out var low, out var high);
            Vector.Store(FromFloat16(low), to + i);
            Vector.Store(FromFloat16(high), to + i + Vector<float>.Count);
        }

        for (; i < count; i++) to[i] = (float)BitConverter.UInt16BitsToHalf(from[i]);
    }

    /// <summary>Exponent and mantissa move 13 bits up and the exponent's bias grows by 112, by a product that also normalizes subnormals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> FromFloat16(Vector<uint> bits)
    {
        var magnitude = bits & Vector.Create(0x7FFFu);
        var scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude << 13) * Vector.Create(5.192296858534828e33f)); // 2^112
        var special = Vector.GreaterThanOrEqual(Vector.AsVectorInt32(magnitude), Vector.Create(0x7C00));
        scaled |= Vector.AsVectorUInt32(special) & Vector.Create(0x7F800000u);
        return Vector.AsVectorSingle(scaled | ((bits & Vector.Create(0x8000u)) << 16));
    }
}
