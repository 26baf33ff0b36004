using Lapidary.Engine;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>Steps over prompts of a device whose rows come in pieces of 8, of which 32 are efficient.</summary>
public sealed class PromptStepsTests : IDisposable
{
    private const int Piece = 8, Efficient = 32;

    private readonly ChosenCpu _backend = new(Piece) { EfficientPromptRows = Efficient };
    private readonly GemmaModel _model;

    public PromptStepsTests() => _model = Load(_backend);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    /// <summary>What fills no piece waits, unless there is nothing else.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(8, 8)]
    [InlineData(9, 8)]
    [InlineData(15, 8)]
    [InlineData(16, 16)]
    [InlineData(31, 24)]
    [InlineData(32, 32)]
    public void FullPromptTokens_LeavesNoRowWithoutAToken(int tokens, int taken)
    {
        using var steps = new CachedSteps(_model, slots: 3, maxLength: 100);
        Assert.Equal(Efficient, steps.MaxPromptTokens);
        Assert.Equal(taken, steps.FullPromptTokens(tokens));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public void FullPromptTokens_WhereRowsAreAny_AreAll(int tokens)
    {
        using var backend = new ChosenCpu();
        using var model = Load(backend);
        using var steps = new CachedSteps(model, slots: 1, maxLength: 100);
        Assert.Equal(tokens, steps.FullPromptTokens(tokens));
    }

    /// <summary>The last token of a prompt is of the step that chooses the first new one.</summary>
    [Theory]
    [InlineData(6, new[] { 8, 1 })]
    [InlineData(9, new[] { 8, 1 })]
    [InlineData(21, new[] { 16, 8, 1 })]
    [InlineData(84, new[] { 32, 32, 16, 8, 1 })]
    public async Task AnEngine_StoresAPrompt_InFullStepsFirst(int prompt, int[] rows)
    {
        using var engine = new GenerationEngine(_model, maxTexts: 1);
        await engine.GenerateAsync(Prompt(prompt, 0), new GenerationOptions { MaxNewTokens = 1 }, cancellationToken: Token);
        Assert.Equal(rows, _backend.Rows);
    }

    [Fact]
    public async Task Texts_AreThoseOfTheCpu()
    {
        using var backend = new CpuBackend(1);
        using var model = Load(backend);
        using var plain = new GenerationEngine(model, maxTexts: 5) { GuessesTokens = false };
        using var inPieces = new GenerationEngine(_model, maxTexts: 5);

        Assert.Equal(await Texts(plain), await Texts(inPieces));
        Assert.All(_backend.Rows.Where(rows => rows > 5), rows => Assert.Equal(0, rows % Piece));

        static async Task<int[][]> Texts(GenerationEngine engine)
        {
            var options = new GenerationOptions { MaxNewTokens = 12 };
            var made = Enumerable.Range(1, 20)
                .Select(i => engine.GenerateAsync(Prompt(7 * i, i), options, cancellationToken: Token)).ToArray();
            return [.. (await Task.WhenAll(made)).Select(text => text.Ids.ToArray())];
        }
    }

    private static int[] Prompt(int length, int start) => [.. Enumerable.Range(0, length).Select(i => 3 + ((start + (i * i)) % 500))];

    private static GemmaModel Load(IBackend backend) =>
        GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
}
