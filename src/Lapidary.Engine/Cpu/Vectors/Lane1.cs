using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>One lane: the tail of a loop, and machines without a vector unit.</summary>
internal readonly unsafe struct Lane1(float value) : ILanes<Lane1>
{
    /// <summary>2¹¹²: moves a binary16's exponent, shifted into place, to binary32's bias.</summary>
    internal const float Float16Rebias = 5.192296858534828e33f;

    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private readonly float _value = value;

    public static int Count => 1;

    [MethodImpl(Inline)]
    public static implicit operator Lane1(float value) => new(value);

    [MethodImpl(Inline)]
    public static implicit operator float(Lane1 lane) => lane._value;

    [MethodImpl(Inline)]
    public static Lane1 Broadcast(float value) => value;

    [MethodImpl(Inline)]
    public static Lane1 Load(float* source) => *source;

    [MethodImpl(Inline)]
    public static Lane1 LoadBFloat16(ushort* source) => BFloat16.ToSingle(*source);

    [MethodImpl(Inline)]
    public static Lane1 LoadFloat16(ushort* source) => (float)BitConverter.UInt16BitsToHalf(*source);

    [MethodImpl(Inline)]
    public void Store(float* destination) => *destination = _value;

    [MethodImpl(Inline)]
    public static Lane1 operator +(Lane1 a, Lane1 b) => a._value + b._value;

    [MethodImpl(Inline)]
    public static Lane1 operator -(Lane1 a, Lane1 b) => a._value - b._value;

    [MethodImpl(Inline)]
    public static Lane1 operator *(Lane1 a, Lane1 b) => a._value * b._value;

    [MethodImpl(Inline)]
    public static Lane1 operator /(Lane1 a, Lane1 b) => a._value / b._value;

    [MethodImpl(Inline)]
    public static Lane1 MultiplyAdd(Lane1 a, Lane1 b, Lane1 c) => float.MultiplyAddEstimate(a._value, b._value, c._value);

    [MethodImpl(Inline)]
    public static Lane1 Sqrt(Lane1 a) => MathF.Sqrt(a._value);

    [MethodImpl(Inline)]
    public static Lane1 Max(Lane1 a, Lane1 b) => MathF.Max(a._value, b._value);

    [MethodImpl(Inline)]
    public static Lane1 Round(Lane1 a) => MathF.Round(a._value);

    [MethodImpl(Inline)]
    public static Lane1 PowerOfTwo(Lane1 n) => BitConverter.Int32BitsToSingle((float.ConvertToIntegerNative<int>(n._value) + 127) << 23);

    [MethodImpl(Inline)]
    public static Lane1 WhereLess(Lane1 a, Lane1 b, Lane1 then, Lane1 otherwise) => a._value < b._value ? then : otherwise;

    [MethodImpl(Inline)]
    public float Sum() => _value;

    [MethodImpl(Inline)]
    public static void StoreSums(Lane1 a, Lane1 b, Lane1 c, Lane1 d, float* destination)
    {
        (destination[0], destination[1]) = (a._value, b._value);
        (destination[2], destination[3]) = (c._value, d._value);
    }

    [MethodImpl(Inline)]
    public float Max() => _value;
}
