using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>8 lanes in a 256-bit register.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> value) : ILanes<Lanes256>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(Inline)]
    public static implicit operator Lanes256(Vector256<float> value) => new(value);

    [MethodImpl(Inline)]
    public static implicit operator Vector256<float>(Lanes256 lanes) => lanes._value;

    [MethodImpl(Inline)]
    public static Lanes256 Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(Inline)]
    public static Lanes256 Load(float* source) => Vector256.Load(source);

    [MethodImpl(Inline)]
    public static Lanes256 LoadBFloat16(ushort* source) => (LoadWords(source) << 16).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes256 LoadFloat16(ushort* source)
    {
        var bits = LoadWords(source);
        var magnitude = (bits & Vector256.Create(0x7FFFu)) << 13;
        var scaled = magnitude.AsSingle() * Vector256.Create(Lane1.Float16Rebias); // also makes subnormals normal
        var special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00u << 13)) & Vector256.Create(0x7F800000u);
        return (scaled.AsUInt32() | special | ((bits & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }

    [MethodImpl(Inline)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(Inline)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => a._value + b._value;

    [MethodImpl(Inline)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => a._value - b._value;

    [MethodImpl(Inline)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => a._value * b._value;

    [MethodImpl(Inline)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => a._value / b._value;

    [MethodImpl(Inline)]
    public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => Vector256.MultiplyAddEstimate(a._value, b._value, c._value);

    [MethodImpl(Inline)]
    public static Lanes256 Sqrt(Lanes256 a) => Vector256.Sqrt(a._value);

    [MethodImpl(Inline)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => Vector256.Max(a._value, b._value);

    [MethodImpl(Inline)]
    public static Lanes256 Round(Lanes256 a) => Vector256.Round(a._value);

    [MethodImpl(Inline)]
    public static Lanes256 PowerOfTwo(Lanes256 n) => ((Vector256.ConvertToInt32Native(n._value) + Vector256.Create(127)) << 23).AsSingle();

    [MethodImpl(Inline)]
    public static Lanes256 WhereLess(Lanes256 a, Lanes256 b, Lanes256 then, Lanes256 otherwise) =>
        Vector256.ConditionalSelect(Vector256.LessThan(a._value, b._value), then._value, otherwise._value);

    [MethodImpl(Inline)]
    public float Sum() => Vector256.Sum(_value);

    [MethodImpl(Inline)]
    public static void StoreSums(Lanes256 a, Lanes256 b, Lanes256 c, Lanes256 d, float* destination)
    {
        if (Avx.IsSupported)
        {
            var sums = Avx.HorizontalAdd(Avx.HorizontalAdd(a, b), Avx.HorizontalAdd(c, d));
            (sums.GetLower() + sums.GetUpper()).Store(destination);
            return;
        }

        Lanes128.StoreSums(Half(a), Half(b), Half(c), Half(d), destination);
    }

    [MethodImpl(Inline)]
    public float Max() => Lanes128.Max(_value.GetLower(), _value.GetUpper()).Max();

    [MethodImpl(Inline)]
    private static Lanes128 Half(Lanes256 a) => a._value.GetLower() + a._value.GetUpper();

    [MethodImpl(Inline)]
    private static Vector256<uint> LoadWords(ushort* source) => Vector256.WidenLower(Vector128.Load(source).ToVector256());
}
