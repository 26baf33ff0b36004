using System.Runtime.InteropServices;

namespace Lapidary.Engine.Tests;

public sealed class FloatConversionTests
{
    [Theory]
    [InlineData(65536)]
    [InlineData(65535)]
    [InlineData(7)]
    [InlineData(0)]
    public void ToSingle_WidensEveryHalfAndBFloat16Exactly(int count)
    {
        ushort[] bits = [.. Enumerable.Range(0, count).Select(i => (ushort)i)];
        float[] actual = new float[count];
        FloatConversion.ToSingle(MemoryMarshal.AsBytes<ushort>(bits), DType.Float16, actual);
        AssertSameNumbers(bits.Select(b => (float)BitConverter.UInt16BitsToHalf(b)), actual);
        FloatConversion.ToSingle(MemoryMarshal.AsBytes<ushort>(bits), DType.BFloat16, actual);
        AssertSameNumbers(bits.Select(BFloat16.ToSingle), actual);
    }

    [Fact]
    public void ToSingle_RefusesADestinationThatIsTooShort() => Assert.Throws<ArgumentOutOfRangeException>(() =>
        FloatConversion.ToSingle(new byte[8], DType.BFloat16, new float[3]));

    /// <summary>Equal bits, so that zeros keep their sign; NaN may have any payload.</summary>
    private static void AssertSameNumbers(IEnumerable<float> expected, IEnumerable<float> actual) =>
        Assert.Equal(expected.Select(Bits), actual.Select(Bits));

    private static int Bits(float x) => float.IsNaN(x) ? -1 : BitConverter.SingleToInt32Bits(x);
}
