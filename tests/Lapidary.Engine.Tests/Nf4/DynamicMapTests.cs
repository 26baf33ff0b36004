namespace Lapidary.Engine.Tests;

public sealed class DynamicMapTests
{
    [Fact]
    public void Values_AreTheMidpointsOfSevenDecades()
    {
        var expected = new List<double> { 0, 1 };
        for (int i = 0; i < 7; i++)
        {
            int parts = 1 << i;
            for (int k = 0; k < parts; k++)
            {
                double middle = 0.1 + 0.9 * (k + 0.5) / parts;
                expected.Add(Math.Pow(10, i - 6) * middle);
                expected.Add(-Math.Pow(10, i - 6) * middle);
            }
        }

        expected.Sort();
        Assert.Equal(256, DynamicMap.Values.Length);
        for (int i = 0; i < 256; i++) Assert.Equal(expected[i], DynamicMap.Values[i], 3e-7 * Math.Abs(expected[i]));
    }

    [Fact]
    public void Nearest_FindsEveryValueItself()
    {
        for (int i = 0; i < 256; i++) Assert.Equal(i, DynamicMap.Nearest(DynamicMap.Values[i]));
    }

    [Fact]
    public void Nearest_AgreesWithSearchAtAndAroundEveryMidpoint()
    {
        for (int i = 0; i < 255; i++)
        {
            float midpoint = (DynamicMap.Values[i] + DynamicMap.Values[i + 1]) * 0.5f;
            Assert.Equal(i % 2 == 0 ? i : i + 1, DynamicMap.Nearest(midpoint));
            foreach (float x in (float[])[MathF.BitDecrement(midpoint), midpoint, MathF.BitIncrement(midpoint)])
            {
                Assert.Equal(Nf4Reference.NearestInMap(x), DynamicMap.Nearest(x));
            }
        }
    }

    [Theory]
    [InlineData(float.NaN, 0)]
    [InlineData(-1f, 0)]
    [InlineData(-0.0f, 127)]
    [InlineData(1.0000001f, 255)]
    public void Nearest_Saturates(float x, byte code) => Assert.Equal(code, DynamicMap.Nearest(x));
}
