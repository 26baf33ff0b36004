using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>4 lanes in a 128-bit register.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> value) : ILanes<Lanes128>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(Inline)]
    public static implicit operator Lanes128(Vector128<float> value) => new(value);

    [MethodImpl(Inline)]
    public static implicit operator Vector128<float>(Lanes128 lanes) => lanes._value;

    [MethodImpl(Inline)]
    public static Lanes128 Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(Inline)]
    public static Lanes128 Load(float* source) => Vector128.Load(source);

    [MethodImpl(Inline)]
    public static Lanes128 LoadBFloat16(ushort* source) => (LoadWords(source) << 16).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes128 LoadFloat16(ushort* source)
    {
        var bits = LoadWords(source);
        var magnitude = (bits & Vector128.Create(0x7FFFu)) << 13;
        var scaled = magnitude.AsSingle() * Vector128.Create(Lane1.Float16Rebias); // also makes subnormals normal
        var special = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x7C00u << 13)) & Vector128.Create(0x7F800000u);
        return (scaled.AsUInt32() | special | ((bits & Vector128.Create(0x8000u)) << 16)).AsSingle();
    }

    [MethodImpl(Inline)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(Inline)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => a._value + b._value;

    [MethodImpl(Inline)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => a._value - b._value;

    [MethodImpl(Inline)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => a._value * b._value;

    [MethodImpl(Inline)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => a._value / b._value;

    [MethodImpl(Inline)]
    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => Vector128.MultiplyAddEstimate(a._value, b._value, c._value);

    [MethodImpl(Inline)]
    public static Lanes128 Sqrt(Lanes128 a) => Vector128.Sqrt(a._value);

    [MethodImpl(Inline)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => Vector128.Max(a._value, b._value);

    [MethodImpl(Inline)]
    public static Lanes128 Round(Lanes128 a) => Vector128.Round(a._value);

    [MethodImpl(Inline)]
    public static Lanes128 PowerOfTwo(Lanes128 n) => ((Vector128.ConvertToInt32Native(n._value) + Vector128.Create(127)) << 23).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes128 WhereLess(Lanes128 a, Lanes128 b, Lanes128 then, Lanes128 otherwise) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a._value, b._value), then._value, otherwise._value);

    [MethodImpl(Inline)]
    public float Sum() => Vector128.Sum(_value);

    [MethodImpl(Inline)]
    public static void StoreSums(Lanes128 a, Lanes128 b, Lanes128 c, Lanes128 d, float* destination)
    {
        if (Sse3.IsSupported)
        {
            Sse3.HorizontalAdd(Sse3.HorizontalAdd(a, b), Sse3.HorizontalAdd(c, d)).Store(destination);
            return;
        }

        (destination[0], destination[1]) = (a.Sum(), b.Sum());
        (destination[2], destination[3]) = (c.Sum(), d.Sum());
    }

    [MethodImpl(Inline)]
    public float Max() => MathF.Max(MathF.Max(_value[0], _value[1]), MathF.Max(_value[2], _value[3]));

    [MethodImpl(Inline)]
    private static Vector128<uint> LoadWords(ushort* source) => Vector128.WidenLower(Vector64.Load(source).ToVector128());
}
