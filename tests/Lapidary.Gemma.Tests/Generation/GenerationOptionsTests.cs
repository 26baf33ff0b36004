using Lapidary.Formats;

namespace Lapidary.Gemma.Tests.Generation;

public class GenerationOptionsTests
{
    private static readonly GenerationConfig Config = new() { BosTokenId = 2, EosTokenIds = [1], PadTokenId = 0 };

    [Fact]
    public void From_TakesWhatTheMakersSay()
    {
        var config = Config with { DoSample = true, Temperature = 0.7, TopK = 64, TopP = 0.95, MaxNewTokens = 12 };
        var options = GenerationOptions.From(config, tokenizer: null);
        Assert.Equal(
            (true, 0.7f, 64, 0.95f, 12), (options.DoSample, options.Temperature, options.TopK, options.TopP, options.MaxNewTokens));
        Assert.Equal([1], options.StopTokenIds);
        options.Validate();
    }

    /// <summary>A 0 means what it means in a request, and is no lack of a value.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void From_TakesAZeroForTheLikeliest(float temperature, float topP)
    {
        var options = GenerationOptions.From(Config with { DoSample = true, Temperature = temperature, TopP = topP }, tokenizer: null);
        Assert.Equal((temperature, topP), (options.Temperature, options.TopP));
        Assert.False(options.Draws);
        options.Validate();
        Assert.True((options with { Temperature = 1, TopP = 1 }).Draws);
    }

    [Fact]
    public void From_AlsoStopsWhereATextOrATurnEnds()
    {
        var tokenizer = Text.TokenizerFixtures.Small;
        int endOfTurn = Assert.NotNull(tokenizer.EndOfTurnTokenId);
        Assert.Equal([1, endOfTurn], GenerationOptions.From(Config, tokenizer).StopTokenIds);
        Assert.Equal([endOfTurn, 1], GenerationOptions.From(Config with { EosTokenIds = [endOfTurn] }, tokenizer).StopTokenIds);
    }

    [Theory]
    [InlineData(0, 1, 0, 1, "MaxNewTokens must be at least 1, got 0.")]
    [InlineData(1, -0.5f, 0, 1, "Temperature must be from 0 to 1000, got -0.5.")]
    [InlineData(1, float.PositiveInfinity, 0, 1, "Temperature must be from 0 to 1000, got Infinity.")]
    [InlineData(1, float.NaN, 0, 1, "Temperature must be from 0 to 1000, got NaN.")]
    [InlineData(1, 1, -2, 1, "TopK must be at least -1, got -2.")]
    [InlineData(1, 1, 0, -0.1f, "TopP must be from 0 to 1, got -0.1.")]
    [InlineData(1, 1, 0, 1.5f, "TopP must be from 0 to 1, got 1.5.")]
    public void Validate_NamesTheKeyThatIsOutOfRange(int maxNewTokens, float temperature, int topK, float topP, string message)
    {
        var options = new GenerationOptions { MaxNewTokens = maxNewTokens, Temperature = temperature, TopK = topK, TopP = topP };
        Assert.Equal(message, Assert.Throws<LapidaryException>(options.Validate).Message);
    }
}
