using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>16 lanes in a 512-bit register.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(Inline)]
    public static implicit operator Lanes512(Vector512<float> value) => new(value);

    [MethodImpl(Inline)]
    public static implicit operator Vector512<float>(Lanes512 lanes) => lanes._value;

    [MethodImpl(Inline)]
    public static Lanes512 Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(Inline)]
    public static Lanes512 Load(float* source) => Vector512.Load(source);

    [MethodImpl(Inline)]
    public static Lanes512 LoadBFloat16(ushort* source) => (LoadWords(source) << 16).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes512 LoadFloat16(ushort* source)
    {
        var bits = LoadWords(source);
        var magnitude = (bits & Vector512.Create(0x7FFFu)) << 13;
        var scaled = magnitude.AsSingle() * Vector512.Create(Lane1.Float16Rebias); // also makes subnormals normal
        var special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7C00u << 13)) & Vector512.Create(0x7F800000u);
        return (scaled.AsUInt32() | special | ((bits & Vector512.Create(0x8000u)) << 16)).AsSingle();
    }

    [MethodImpl(Inline)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(Inline)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => a._value + b._value;

    [MethodImpl(Inline)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => a._value - b._value;

    [MethodImpl(Inline)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => a._value * b._value;

    [MethodImpl(Inline)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => a._value / b._value;

    [MethodImpl(Inline)]
    public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => Vector512.MultiplyAddEstimate(a._value, b._value, c._value);

    [MethodImpl(Inline)]
    public static Lanes512 Sqrt(Lanes512 a) => Vector512.Sqrt(a._value);

    [MethodImpl(Inline)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => Vector512.Max(a._value, b._value);

    [MethodImpl(Inline)]
    public static Lanes512 Round(Lanes512 a) => Vector512.Round(a._value);

    [MethodImpl(Inline)]
    public static Lanes512 PowerOfTwo(Lanes512 n) => ((Vector512.ConvertToInt32Native(n._value) + Vector512.Create(127)) << 23).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes512 WhereLess(Lanes512 a, Lanes512 b, Lanes512 then, Lanes512 otherwise) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a._value, b._value), then._value, otherwise._value);

    [MethodImpl(Inline)]
    public float Sum() => Vector512.Sum(_value);

    [MethodImpl(Inline)]
    public static void StoreSums(Lanes512 a, Lanes512 b, Lanes512 c, Lanes512 d, float* destination) =>
        Lanes256.StoreSums(Half(a), Half(b), Half(c), Half(d), destination);

    [MethodImpl(Inline)]
    public float Max() => Lanes256.Max(_value.GetLower(), _value.GetUpper()).Max();

    [MethodImpl(Inline)]
    private static Lanes256 Half(Lanes512 a) => a._value.GetLower() + a._value.GetUpper();

    [MethodImpl(Inline)]
    private static Vector512<uint> LoadWords(ushort* source) => Vector512.WidenLower(Vector256.Load(source).ToVector512());
}
