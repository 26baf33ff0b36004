using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Sampling;

public class TokenDrawerTests
{
    /// <summary>Sums in fp64, and weights of 24 bits.</summary>
    private const double Exactness = 2e-7;

    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 300)]
    [InlineData(7, 1000)]
    [InlineData(100, 2000)]
    [InlineData(1003, 1000)]
    [InlineData(20_000, 150)]
    public void Draw_IsThatOfASortedRow(int dim, int repeats)
    {
        var random = new Random(dim);
        var drawer = new TokenDrawer();
        int undecided = 0;
        for (int i = 0; i < repeats; i++)
        {
            float[] row = DrawCases.Row(random, dim, DrawCases.Kinds[i % DrawCases.Kinds.Count]);
            for (int masked = random.Next(3) * dim / 3; masked > 0; masked--) row[random.Next(dim)] = float.NegativeInfinity;
            if (!row.Any(float.IsFinite)) row[^1] = 0;
            var draw = DrawCases.Draw(random);
            var (expected, margin) = draw.Of(row);
            int found = drawer.Draw(row, row.Max(), draw.Draw);
            if (margin < Exactness) undecided++;
            else Assert.True(expected == found, $"Row {i}, {draw}: expected {expected}, found {found}; margin {margin:E1}.");
        }

        Assert.InRange(undecided, 0, repeats / 5);
    }

    /// <summary>Of a whole vocabulary, where sums have the most terms.</summary>
    [Fact]
    public void Draw_OfAVocabulary_IsThatOfASortedRow()
    {
        const int Vocabulary = 262_144;
        var random = new Random(1);
        var drawer = new TokenDrawer();
        float[] row = DrawCases.Row(random, Vocabulary, DrawCases.Kinds[0]);
        DrawReference[] draws = [new(1, 0, 1, 0, 0.3), new(1, 64, 0.95f, 0, 0.99), new(1, 0, 0.9f, 0, 0.6), new(1, 0, 1, 0.1f, 0.8)];
        foreach (var draw in draws)
        {
            var (expected, margin) = draw.Of(row);
            Assert.True(margin > 1e-8, $"{draw} is no test.");
            Assert.Equal(expected, drawer.Draw(row, row.Max(), draw.Draw));
        }
    }

    [Fact]
    public void Draw_HasTheProbabilitiesOfASoftmax()
    {
        float[] row = [0, 1, 2, float.NegativeInfinity, 1.5f];
        double sum = row.Sum(logit => Math.Exp(logit / 0.8));
        int[] counts = new int[row.Length];
        var drawer = new TokenDrawer();
        const int Draws = 10_000;
        for (int i = 0; i < Draws; i++) counts[drawer.Draw(row, 2, new TokenDraw(0.8f, 0, 1, 0, (i + 0.5) / Draws))]++;
        for (int id = 0; id < row.Length; id++) Assert.Equal(Math.Exp(row[id] / 0.8) / sum, (double)counts[id] / Draws, 1e-4);
    }

    [Fact]
    public void Draw_OfALongRow_OrWithoutADraw_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new TokenDrawer().Draw(new float[TokenDraw.MaxLength + 1], 0, new TokenDraw(1, 0, 1, 0, 0)));
        Assert.Throws<ArgumentException>(() => new TokenDrawer().Draw([0, 1], 1, TokenDraw.None));
    }
}
