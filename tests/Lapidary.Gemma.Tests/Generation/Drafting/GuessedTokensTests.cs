using Lapidary.Engine;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation.Drafting;

/// <summary>Texts are the same with guessed tokens and without, to the bit of each probability. All guesses are checked here, whatever they
/// cost. The model has windows of 16 tokens and random weights, and prompts have few different tokens, so that guesses are right and
/// wrong.</summary>
[Collection(TestDevice.Cuda)]
public class GuessedTokensTests
{
    private static readonly GemmaConfig Config = GemmaConfig.Load(Fixtures.Path("tiny/model")) with { MaxPositionEmbeddings = 2048 };

    public static TheoryData<string> Devices { get; } = ["cpu", "cuda"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Devices))]
    public async Task Texts_AreTheSame_WithGuessesAndWithout(string device)
    {
        using var backend = DeviceOf(device);
        using var model = Model(backend);
        var requests = Requests();
        foreach (int texts in new[] { 1, 3, 8 })
        {
            using var plain = new GenerationEngine(model, texts) { GuessesTokens = false };
            using var guessing = new GenerationEngine(model, texts) { StepCosts = new FreeRows() };
            var expected = await Task.WhenAll(requests.Select(request => Make(plain, request)).ToArray());
            var found = await Task.WhenAll(requests.Select(request => Make(guessing, request)).ToArray());
            for (int i = 0; i < requests.Count; i++) Assert.Equal(expected[i] with { Cached = found[i].Cached }, found[i]);

            Assert.Equal((0, 0), plain.Guesses);
            var (guessed, accepted) = guessing.Guesses;
            Assert.InRange(accepted, 20, guessed - 20);
        }
    }

    /// <summary>Wrong guesses stay in the cache behind the text's end, and a later text begins with what an earlier one has stored. Its
    /// prompt ends around the place where the ring of a local layer has been overwritten by them.</summary>
    [Fact]
    public async Task WrongGuesses_AreNeverSeen_ByALaterTextInTheirSlot()
    {
        using var backend = new CpuBackend(2);
        using var model = Model(backend);
        int[] prompt = Ids(new StableRandom(3, stream: 0), 600);
        var options = new GenerationOptions { MaxNewTokens = 40 };
        bool continued = false, refused = false;
        for (int shared = 70; shared < 110; shared += 1)
        {
            int[] second = [.. prompt[..shared], 1, 2, 3];
            using var plain = new GenerationEngine(model, maxTexts: 1) { GuessesTokens = false, ReservedLength = 1024 };
            using var guessing = new GenerationEngine(model, maxTexts: 1) { StepCosts = new FreeRows(), ReservedLength = 1024 };
            await Make(guessing, new(prompt, options, EndAfter: 2));
            var expected = await Make(plain, new(second, options));
            var found = await Make(guessing, new(second, options));
            Assert.Equal(expected, found with { Cached = 0 });
            continued |= found.Cached == shared;
            refused |= found.Cached == 0;
        }

        Assert.True(continued && refused);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void AText_EndsAtItsLimit_AndWhereItsReaderStops(int tokens)
    {
        using var backend = new CpuBackend(1);
        using var model = Model(backend);
        int[] prompt = [.. Enumerable.Repeat(4, 30)];
        var options = new GenerationOptions { MaxNewTokens = 12 };
        using var plain = new TextGenerator(model) { GuessesTokens = false };
        using var guessing = new TextGenerator(model) { StepCosts = new FreeRows() };
        int[] expected = [.. plain.Generate(prompt, options, Token)];

        Assert.Equal(expected[..tokens], guessing.Generate(prompt, options with { MaxNewTokens = tokens }, Token));
        Assert.Equal(expected[..tokens], guessing.Generate(prompt, options, Token).Take(tokens)); // its reader leaves
        Assert.Equal(expected, guessing.Generate(prompt, options, Token));
        int stop = expected[tokens];
        Assert.Equal(
            expected.TakeWhile(id => id != stop), guessing.Generate(prompt, options with { StopTokenIds = [stop] }, Token));
        Assert.NotEqual(0, guessing.Guesses.Accepted);
    }

    [Fact]
    public void ACancelledText_EndsAfterItsCurrentToken()
    {
        using var backend = new CpuBackend(1);
        using var model = Model(backend);
        using var guessing = new TextGenerator(model) { StepCosts = new FreeRows() };
        using var cancelled = new CancellationTokenSource();
        var made = new List<int>();
        foreach (int id in guessing.Generate([.. Enumerable.Repeat(4, 30)], new GenerationOptions(), cancelled.Token))
        {
            made.Add(id);
            if (made.Count == 3) cancelled.Cancel();
        }

        Assert.Equal(3, made.Count);
    }

    [Fact]
    public async Task TheLastTokens_OfTheModelsContext_AreNotGuessedBeyondIt()
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Random(
            Config with { MaxPositionEmbeddings = 64 }, backend, new ModelOptions { DType = DType.Float32 }, seed: 5);
        using var plain = new GenerationEngine(model, 1) { GuessesTokens = false };
        using var guessing = new GenerationEngine(model, 1) { StepCosts = new FreeRows() };
        Request request = new([.. Enumerable.Repeat(4, 40)], new GenerationOptions { MaxNewTokens = int.MaxValue });
        var expected = await Make(plain, request);
        Assert.Equal(24, expected.Ids.Split(' ').Length);
        Assert.Equal(expected, await Make(guessing, request));
        Assert.NotEqual(0, guessing.Guesses.Guessed);
    }

    private static async Task<Made> Make(GenerationEngine engine, Request request)
    {
        var probabilities = new List<double>();
        var made = await engine.GenerateAsync(request.Prompt, request.Options, Add, topLogProbs: 2, caller: "", Token);
        return new Made(string.Join(' ', made.Ids), string.Join(' ', probabilities), made.FinishReason, made.CachedTokens);

        bool Add(ChosenToken token)
        {
            probabilities.Add(token.LogProbs!.Chosen);
            probabilities.AddRange(token.LogProbs.Top.Select(top => top.LogProb));
            return probabilities.Count < 3 * request.EndAfter || request.EndAfter == 0;
        }
    }

    /// <summary>Prompts shorter than a window and longer than the ring of a local layer; greedy, drawn, with rules, and with a
    /// stop.</summary>
    private static List<Request> Requests()
    {
        var random = new StableRandom(7, stream: 0);
        var requests = new List<Request>();
        foreach (int length in new[] { 1, 9, 16, 40, 300, 530, 700 })
        {
            var options = new GenerationOptions { MaxNewTokens = 60, Seed = length };
            requests.Add(new(Ids(random, length), options));
            requests.Add(new(Ids(random, length), options with { DoSample = true, Temperature = 0.5f }));
            requests.Add(new(Ids(random, length), options with { RepetitionPenalty = 1.2f, StopTokenIds = [3, 5] }));
            requests.Add(new(Ids(random, length), options, EndAfter: 7));
        }

        return requests;
    }

    private static int[] Ids(StableRandom random, int length) => [.. Enumerable.Range(0, length).Select(_ => 2 + random.Below(6))];

    private static GemmaModel Model(IBackend backend) =>
        GemmaModel.Random(Config, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 }, seed: 5);

    private static IBackend DeviceOf(string device)
    {
        if (device == "cpu") return new CpuBackend(2);
        if (CudaBackend.WhyUnavailable() is { } reason)
        {
            if (Environment.GetEnvironmentVariable("LAPIDARY_REQUIRE_CUDA") == "1") Assert.Fail(reason);
            Assert.Skip(reason);
        }

        return new CudaBackend();
    }

    private sealed record Request(int[] Prompt, GenerationOptions Options, int EndAfter = 0);

    /// <summary>Ids and probabilities with all their digits.</summary>
    private sealed record Made(string Ids, string LogProbs, FinishReason Reason, int Cached);
}
