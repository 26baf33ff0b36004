using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Tests.Generation.Drafting;
using Lapidary.Gemma.Tests.Text;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation.Forms;

/// <summary>Texts of a model with random weights, which would never write a list of numbers by itself.</summary>
public class FormedAnswersTests
{
    private static readonly Tokenizer Tokenizer = TokenizerFixtures.Small;

    private static readonly GemmaConfig Config = GemmaConfig.Load(Fixtures.Path("tiny/model")) with
    {
        VocabSize = Tokenizer.VocabSize,
        MaxPositionEmbeddings = 512,
    };

    private static readonly int[] Prompt = Tokenizer.EncodePrompt("some numbers: 1 2 1 2 1 2");

    private static readonly GenerationOptions Greedy = new()
    {
        MaxNewTokens = 60,
        StopTokenIds = [Tokenizer.EosTokenId!.Value],
        Form = new TokenForm(new NumberList(), Tokenizer),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryText_HasItsForm_AloneAndAmongOthers_WithGuessesAndWithout()
    {
        using var backend = new CpuBackend(2);
        using var model = Model(backend);
        List<GenerationOptions> all = [Greedy, Greedy with { RepetitionPenalty = 1.3f }, Greedy with { Form = null }];
        for (int seed = 0; seed < 12; seed++)
            all.Add(Greedy with { DoSample = true, Temperature = 2, TopK = 40 * (seed % 2), TopP = seed % 3 == 0 ? 0.9f : 1, Seed = seed });
        var expected = await Make(model, texts: 1, guesses: false, all);
        foreach (var (text, options) in expected.Zip(all))
        {
            if (options.Form is null) continue;
            Assert.Matches(NumberList.Pattern(), Tokenizer.Decode([.. text.Ids], skipSpecialTokens: false));
            Assert.Equal(FinishReason.Stop, text.Reason);
        }

        Assert.True(expected.Select(text => string.Join(' ', text.Ids)).Distinct().Count() > 6);
        foreach (var (texts, guesses) in new[] { (1, true), (4, false), (8, true) })
        {
            var found = await Make(model, texts, guesses, all);
            foreach (var (first, second) in expected.Zip(found)) Assert.Equivalent(first, second, strict: true);
        }
    }

    /// <summary>A reader of probabilities sees that the model would have written something else.</summary>
    [Fact]
    public async Task Probabilities_AreThoseOfTheModel_BeforeTheForm()
    {
        using var backend = new CpuBackend(1);
        using var model = Model(backend);
        var made = Assert.Single(await Make(model, texts: 1, guesses: false, [Greedy]));
        var free = Assert.Single(await Make(model, texts: 1, guesses: false, [Greedy with { Form = null, MaxNewTokens = 1 }]));
        Assert.NotEqual(free.Ids[0], made.Ids[0]);
        Assert.Equal(free.LogProbs[0].Top, made.LogProbs[0].Top);
        Assert.True(made.LogProbs[0].Chosen < made.LogProbs[0].Top[0].LogProb);
    }

    [Fact]
    public async Task ATextWithoutAWayOn_EndsAlone_AndALimitCutsAText()
    {
        using var backend = new CpuBackend(1);
        using var model = Model(backend);
        using var engine = new GenerationEngine(model, maxTexts: 3);
        var stuck = engine.GenerateAsync(Prompt, Greedy with { SuppressTokens = [.. Digits()] }, cancellationToken: Token);
        var cut = engine.GenerateAsync(Prompt, Greedy with { MaxNewTokens = 3 }, cancellationToken: Token);
        var whole = engine.GenerateAsync(Prompt, Greedy, cancellationToken: Token);
        var error = await Assert.ThrowsAsync<LapidaryException>(() => stuck);
        Assert.StartsWith("Form: no token of the model continues", error.Message, StringComparison.Ordinal);
        Assert.Equal(FinishReason.Length, (await cut).FinishReason);
        Assert.Equal((await whole).Ids.Take(3), (await cut).Ids);
        Assert.Equal(FinishReason.Stop, (await whole).FinishReason);
    }

    private static IEnumerable<int> Digits() =>
        Enumerable.Range(0, Tokenizer.VocabSize)
            .Where(id => Tokenizer.Piece(id).Bytes.Any(value => value is >= (byte)'0' and <= (byte)'9'));

    private static GemmaModel Model(IBackend backend) =>
        GemmaModel.Random(Config, backend, new ModelOptions { DType = DType.Float32 }, seed: 5);

    private static async Task<Made[]> Make(GemmaModel model, int texts, bool guesses, List<GenerationOptions> all)
    {
        using var engine = guesses
            ? new GenerationEngine(model, texts) { StepCosts = new FreeRows() }
            : new GenerationEngine(model, texts) { GuessesTokens = false };
        var made = await Task.WhenAll(all.Select(MakeOne));
        if (guesses) Assert.NotEqual(0, engine.Guesses.Accepted);
        return made;

        async Task<Made> MakeOne(GenerationOptions options)
        {
            var probabilities = new List<TokenLogProbs>();
            int? top = options.DoSample ? null : 2;
            var text = await engine.GenerateAsync(Prompt, options, Add, top, caller: "", Token);
            return new Made(text.Ids, probabilities, text.FinishReason);

            bool Add(ChosenToken token)
            {
                if (token.LogProbs is { } found) probabilities.Add(found);
                return true;
            }
        }
    }

    private sealed record Made(IReadOnlyList<int> Ids, IReadOnlyList<TokenLogProbs> LogProbs, FinishReason Reason);
}
