using System.Runtime.Intrinsics;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class VectorMathTests
{
    [Fact]
    public void Exp_512Bits_IsWithinOneAndAHalfUlp() => CheckExp<Lanes512>();

    [Fact]
    public void Exp_256Bits_IsWithinOneAndAHalfUlp() => CheckExp<Lanes256>();

    [Fact]
    public void Exp_128Bits_IsWithinOneAndAHalfUlp() => CheckExp<Lanes128>();

    [Fact]
    public void Exp_Scalar_IsWithinOneAndAHalfUlp() => CheckExp<Lane1>();

    [Theory]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-104.5f, 0f)]
    [InlineData(-1e30f, 0f)]
    [InlineData(0f, 1f)]
    [InlineData(float.Epsilon, 1f)]
    [InlineData(88.8f, float.PositiveInfinity)]
    [InlineData(1e30f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_OfSpecialValues_IsExact(float x, float expected)
    {
        Vector512<float> widest = VectorMath.Exp<Lanes512>(Vector512.Create(x));
        Vector128<float> narrowest = VectorMath.Exp<Lanes128>(Vector128.Create(x));
        Assert.Equal(expected, widest[15]);
        Assert.Equal(expected, narrowest[3]);
        Assert.Equal(expected, (float)VectorMath.Exp<Lane1>(x));
    }

    [Fact]
    public void LoadFloat16_WidensEveryBitPatternExactly()
    {
        ushort[] source = [.. Enumerable.Range(0, 65536).Select(bits => (ushort)bits)];
        CheckWidening<Lanes512>(source, bits => (float)BitConverter.UInt16BitsToHalf(bits), bfloat16: false);
        CheckWidening<Lanes256>(source, bits => (float)BitConverter.UInt16BitsToHalf(bits), bfloat16: false);
        CheckWidening<Lanes128>(source, bits => (float)BitConverter.UInt16BitsToHalf(bits), bfloat16: false);
    }

    [Fact]
    public void LoadBFloat16_WidensEveryBitPatternExactly()
    {
        ushort[] source = [.. Enumerable.Range(0, 65536).Select(bits => (ushort)bits)];
        CheckWidening<Lanes512>(source, BFloat16.ToSingle, bfloat16: true);
        CheckWidening<Lanes256>(source, BFloat16.ToSingle, bfloat16: true);
        CheckWidening<Lanes128>(source, BFloat16.ToSingle, bfloat16: true);
    }

    private static void CheckExp<V>() where V : struct, ILanes<V>
    {
        float[] buffer = new float[V.Count];
        fixed (float* p = buffer)
        {
            double worst = 0;
            for (float x = -87.3f; x < 88.7f; x += 0.0137f)
            {
                for (int lane = 0; lane < V.Count; lane++) p[lane] = x + lane * 1e-4f;
                float[] inputs = [.. buffer];
                VectorMath.Exp(V.Load(p)).Store(p);
                for (int lane = 0; lane < V.Count; lane++)
                {
                    double exact = Math.Exp(inputs[lane]);
                    if (exact < float.MaxValue) worst = Math.Max(worst, Math.Abs(p[lane] - exact) / exact);
                }
            }

            Assert.InRange(worst, 1e-9, 1.5 * Math.Pow(2, -23));

            for (float x = -103.9f; x < -87.4f; x += 0.37f) // subnormal results: half a unit of the last place more
            {
                for (int lane = 0; lane < V.Count; lane++) p[lane] = x;
                VectorMath.Exp(V.Load(p)).Store(p);
                Assert.InRange(p[0] - Math.Exp(x), -1.5 * float.Epsilon, 1.5 * float.Epsilon);
            }
        }
    }

    private static void CheckWidening<V>(ushort[] source, Func<ushort, float> expected, bool bfloat16) where V : struct, ILanes<V>
    {
        float[] actual = new float[source.Length];
        fixed (ushort* from = source)
        fixed (float* to = actual)
        {
            for (int i = 0; i < source.Length; i += V.Count) (bfloat16 ? V.LoadBFloat16(from + i) : V.LoadFloat16(from + i)).Store(to + i);
        }

        for (int i = 0; i < source.Length; i++)
        {
            if (float.IsNaN(expected(source[i]))) Assert.True(float.IsNaN(actual[i]));
            else Assert.Equal(BitConverter.SingleToUInt32Bits(expected(source[i])), BitConverter.SingleToUInt32Bits(actual[i]));
        }
    }
}
