using Lapidary.Formats;
using Lapidary.Gemma.Generation.Sampling;

namespace Lapidary.Gemma.Tests.Generation.Sampling;

/// <summary>The rules of transformers' logits processors and warpers on a vocabulary of five.</summary>
public class SamplerTests
{
    private static readonly float[] Logits = [1, 4, -2, 3, 2];

    private static int Next(GenerationOptions options, params int[] prompt) => new Sampler(options, prompt).Next([.. Logits]);

    [Fact]
    public void Next_WithoutRules_IsTheLargest() => Assert.Equal(1, Next(new(), 0));

    [Fact]
    public void RepetitionPenalty_DividesPositiveAndMultipliesNegativeLogits()
    {
        Assert.Equal(3, Next(new() { RepetitionPenalty = 2 }, 1, 1)); // 4 / 2 < 3, once however often it stands there
        Assert.Equal(1, Next(new() { RepetitionPenalty = 1.3f }, 1)); // 4 / 1.3 > 3
        float[] logits = [-1, -2];
        Assert.Equal(1, new Sampler(new() { RepetitionPenalty = 3 }, [0]).Next(logits));
        Assert.Equal([-3, -2], logits);
    }

    [Fact]
    public void NoRepeatNgramSize_SuppressesWhatFollowedBefore()
    {
        Assert.Equal(3, Next(new() { NoRepeatNgramSize = 2 }, 0, 1, 0)); // 0 1 was there
        Assert.Equal(1, Next(new() { NoRepeatNgramSize = 3 }, 0, 1, 0));
        Assert.Equal(4, Next(new() { NoRepeatNgramSize = 1 }, 1, 3));
        var sampler = new Sampler(new() { NoRepeatNgramSize = 1 }, []);
        Assert.Equal([1, 3, 4, 0, 2], Enumerable.Range(0, 5).Select(_ => sampler.Next([.. Logits])));
        Assert.Throws<LapidaryException>(() => sampler.Next([.. Logits]));
    }

    [Fact]
    public void SuppressTokens_NeverCome_AndBeginSuppressTokensNotFirst()
    {
        var sampler = new Sampler(new() { SuppressTokens = [1, 99], BeginSuppressTokens = [3] }, [0]);
        Assert.Equal(4, sampler.Next([.. Logits]));
        Assert.Equal(3, sampler.Next([.. Logits]));
    }

    [Fact]
    public void MinP_DrawsAmongThoseLikelyEnough()
    {
        // Relative to the likeliest: 1, e⁻¹ = 0.37, e⁻² = 0.14, …
        var sampler = new Sampler(new() { DoSample = true, MinP = 0.3f }, []);
        Assert.Equal([1, 3], Enumerable.Range(0, 200).Select(_ => sampler.Next([.. Logits])).Distinct().Order());
        sampler = new Sampler(new() { DoSample = true, MinP = 1 }, []);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(1, sampler.Next([.. Logits])));
    }

    /// <summary>A device draws without a limit what it would otherwise hand back as too many candidates to sort.</summary>
    [Theory]
    [InlineData(4, 4)]
    [InlineData(5, 0)]
    [InlineData(int.MaxValue, 0)]
    [InlineData(-1, 0)]
    public void TopK_OfTheVocabularyOrMore_IsNoLimit(int topK, int expected)
    {
        var sampler = new Sampler(new() { DoSample = true, TopK = topK, TopP = 0.9f, Seed = 7 }, []);
        var unlimited = new Sampler(new() { DoSample = true, TopK = expected, TopP = 0.9f, Seed = 7 }, []);
        Assert.Equal(unlimited.DrawAfter(1, Logits.Length), sampler.DrawAfter(1, Logits.Length));
        for (int i = 0; i < 200; i++) Assert.Equal(unlimited.Next([.. Logits]), sampler.Next([.. Logits]));
    }

    [Fact]
    public void ATemperatureOrTopPOfZero_TakesTheLikeliest()
    {
        GenerationOptions[] all = [new() { DoSample = true, Temperature = 0 }, new() { DoSample = true, TopP = 0 }];
        Assert.All(all, options =>
        {
            Assert.False(Sampler.IsFor(options));
            var sampler = new Sampler(options, []);
            Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(1, sampler.Next([.. Logits])));
        });
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Next_OfALogitThatIsNotFinite_IsAnError(float bad)
    {
        GenerationOptions[] all = [new(), new() { DoSample = true }, new() { RepetitionPenalty = 2 }];
        Assert.All(all, options =>
        {
            string message = Assert.Throws<LapidaryException>(() => new Sampler(options, [0]).Next([1, 2, bad])).Message;
            Assert.Contains("token 2", message, StringComparison.Ordinal);
        });
    }
}
