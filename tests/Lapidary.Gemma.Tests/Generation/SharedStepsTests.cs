using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Tests.Generation.Drafting;
using Lapidary.Gemma.Tests.Generation.Forms;
using Lapidary.Gemma.Tests.Text;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>Texts of a base and of several adapters in the same steps: each is, to the bit of its probabilities, what its model's own
/// engine makes of it alone.</summary>
[Collection(TestDevice.Cuda)]
public class SharedStepsTests
{
    public static TheoryData<string> Devices { get; } = [TestDevice.Cpu, TestDevice.Cuda, TestDevice.CudaFloat16];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Devices))]
    public async Task ATextIsTheSame_AloneAndBesideTextsOfOtherAdapters(string device)
    {
        using var models = new AdaptedModels(TestDevice.New(device, threads: 2));
        var requests = Requests(models, count: 40);
        var alone = new List<Made>();
        foreach (var request in requests)
        {
            using var own = new GenerationEngine(models.Models[request.Model], maxTexts: 1) { GuessesTokens = false };
            alone.Add(await MakeAsync(own, request));
        }

        Assert.True(alone.Select(made => string.Join(' ', made.Ids)).Distinct().Count() > 30);
        foreach (int texts in new[] { 1, 3, 8, 33 })
        {
            // The first model is another one each time.
            int[] joined = [.. Enumerable.Range(0, models.Models.Length).Select(i => (i + texts) % models.Models.Length)];
            using var first = new GenerationEngine(models.Models[joined[0]], texts) { GuessesTokens = texts == 3 };
            var engines = joined.Skip(1).ToDictionary(i => i, i => first.Join(models.Models[i]));
            engines.Add(joined[0], first);
            int[] order = [.. Enumerable.Range(0, requests.Count)];
            new Random(texts).Shuffle(order);
            var made = await Task.WhenAll(order.Select(i => MakeAsync(engines[requests[i].Model], requests[i])).ToArray());
            for (int i = 0; i < order.Length; i++) Assert.Equivalent(alone[order[i]], made[i], strict: true);
            foreach (var engine in engines.Values) engine.Dispose();
        }

        Assert.Equal(0, models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
    }

    /// <summary>A guess of one text is checked beside rows of other adapters.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public async Task Guesses_AreCheckedBesideOtherAdapters(string device)
    {
        using var models = new AdaptedModels(
            TestDevice.New(device, threads: 2), GemmaConfig.Load(Fixtures.Path("tiny/model")) with { MaxPositionEmbeddings = 512 });
        Request[] requests =
        [
            .. Enumerable.Range(0, 15).Select(i => new Request(
                i % 5, [.. Enumerable.Range(0, 30 + (11 * i)).Select(place => 3 + ((place + i) % 4))], new() { MaxNewTokens = 40 })),
        ];
        using var plain = new GenerationEngine(models.Models[0], 3) { GuessesTokens = false };
        using var guessing = new GenerationEngine(models.Models[0], 3) { StepCosts = new FreeRows() };
        var expected = await MakeAsync(plain);
        var found = await MakeAsync(guessing);
        Assert.Equivalent(expected, found, strict: true);
        Assert.InRange(guessing.Guesses.Accepted, 1, guessing.Guesses.Guessed);

        async Task<Made[]> MakeAsync(GenerationEngine first)
        {
            GenerationEngine[] engines = [first, .. models.Models.Skip(1).Select(first.Join)];
            return await Task.WhenAll(requests.Select(request => SharedStepsTests.MakeAsync(engines[request.Model], request)).ToArray());
        }
    }

    [Fact]
    public async Task ABeginning_IsUsedAgain_ByTheSameModelAlone()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var first = new GenerationEngine(models.Models[0], maxTexts: 1) { ReservedLength = 300 };
        using var second = first.Join(models.Models[1]);
        int[] start = [.. Enumerable.Range(3, 40)];
        var options = new GenerationOptions { MaxNewTokens = 3 };
        foreach (var (engine, cached) in new[] { (first, 0), (first, 40), (second, 0), (second, 40), (first, 0) })
            Assert.Equal(cached, (await engine.GenerateAsync([.. start, 7], options, cancellationToken: Token)).CachedTokens);
    }

    /// <summary>One thread takes the turns of all, and there is one cache.</summary>
    [Fact]
    public async Task EnginesThatJoin_HaveOneCache_AndTakeTheirTurnsTogether()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var first = new GenerationEngine(models.Base, maxTexts: 4);
        Assert.Equal(4, first.Prepare(64));
        long cache = models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache);
        using var second = first.Join(models.Models[1]);
        using var third = second.Join(models.Models[2]);
        Assert.Equal(4, third.Prepare(64));
        Assert.Equal(cache, models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));

        var threads = new HashSet<int>();
        var all = new[] { first, second, third };
        var made = all.Select(engine => engine.GenerateAsync([5, 6, 7], new() { MaxNewTokens = 30 }, Note, Token)).ToArray();
        await Task.WhenAll(made);
        Assert.Single(threads);
        Assert.All(all, engine => Assert.Equal((0, 0), engine.Load));

        bool Note(int id)
        {
            threads.Add(Environment.CurrentManagedThreadId);
            return true;
        }
    }

    [Fact]
    public async Task Dispose_EndsTheTextsOfOneEngine_AndTheLastFreesTheCache()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var first = new GenerationEngine(models.Base, maxTexts: 2);
        using var second = first.Join(models.Models[1]);
        var endless = new GenerationOptions { MaxNewTokens = 100_000 };
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ofFirst = first.GenerateAsync([5], endless, _ => begun.TrySetResult() | true, Token);
        var waiting = first.GenerateAsync([6], endless, cancellationToken: Token);
        var ofSecond = second.GenerateAsync([5, 6, 7], new() { MaxNewTokens = 200 }, cancellationToken: Token);
        await begun.Task.WaitAsync(Token);
        first.Dispose();
        first.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ofFirst);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.Throws<ObjectDisposedException>(() => { _ = first.GenerateAsync([5], endless, cancellationToken: Token); });
        Assert.Throws<ObjectDisposedException>(() => first.Join(models.Models[2]));
        Assert.Equal((0, 0), first.Load);
        Assert.Equal(200, (await ofSecond).Ids.Count);
        Assert.NotEqual(0, models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));

        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var last = second.GenerateAsync([5], endless, _ => running.TrySetResult() | true, Token);
        await running.Task.WaitAsync(Token);
        second.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => last);
        Assert.Equal((0, 0), second.Load);
        Assert.Equal(0, models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
        Assert.Throws<ObjectDisposedException>(() => second.Join(models.Models[2]));
    }

    /// <summary>Steps that were recorded with an adapter, or are recorded later, read nothing of it once its engine has left.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public async Task AnAdapterThatIsFreed_IsMissedByNobody(string device)
    {
        using var models = new AdaptedModels(TestDevice.New(device, threads: 2));
        using var first = new GenerationEngine(models.Base, maxTexts: 8) { GuessesTokens = false };
        using var second = first.Join(models.Models[1]);
        var third = first.Join(models.Models[2]);
        var expected = await MakeAllAsync([first, second, third]);
        third.Dispose();
        models.Models[2].Adapter!.Dispose();
        for (int texts = 1; texts < 4; texts++)
        {
            var found = await MakeAllAsync([.. Enumerable.Repeat(first, texts), second]);
            Assert.Equal(expected[0], found[0]);
            Assert.Equal(expected[1], found[^1]);
        }

        Task<string[]> MakeAllAsync(GenerationEngine[] engines) => Task.WhenAll(engines.Select(async engine =>
        {
            var text = await engine.GenerateAsync([5, 6, 7], new() { MaxNewTokens = 20 }, cancellationToken: Token);
            return string.Join(' ', text.Ids);
        }));
    }

    /// <summary>A form holds its own text.</summary>
    [Fact]
    public async Task AForm_HoldsBesideTextsOfOtherAdapters()
    {
        var tokenizer = TokenizerFixtures.Small;
        var config = GemmaConfig.Load(Fixtures.Path("tiny/model")) with { VocabSize = tokenizer.VocabSize };
        using var models = new AdaptedModels(new CpuBackend(2), config);
        var free = new GenerationOptions { MaxNewTokens = 60, StopTokenIds = [tokenizer.EosTokenId!.Value] };
        var formed = free with { Form = new TokenForm(new NumberList(), tokenizer) };
        Request[] requests = [.. Enumerable.Range(0, 10).Select(i => new Request(
            i % 5, tokenizer.EncodePrompt("some numbers: 1 2 1 2"), i < 5 ? formed : free, TopLogProbs: 1))];
        using var first = new GenerationEngine(models.Base, maxTexts: 10);
        GenerationEngine[] engines = [first, .. models.Models.Skip(1).Select(first.Join)];
        var made = await Task.WhenAll(requests.Select(request => MakeAsync(engines[request.Model], request)).ToArray());
        for (int i = 0; i < requests.Length; i++)
        {
            using var own = new GenerationEngine(models.Models[requests[i].Model], maxTexts: 1) { GuessesTokens = false };
            Assert.Equivalent(await MakeAsync(own, requests[i]), made[i], strict: true);
            if (i < 5) Assert.Matches(NumberList.Pattern(), tokenizer.Decode([.. made[i].Ids], skipSpecialTokens: false));
        }
    }

    [Fact]
    public async Task ABrokenAdapter_EndsItsTextsAlone()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        var broken = models.With(new LoraConfig { R = 5 }, fill: float.NaN);
        using var first = new GenerationEngine(models.Base, maxTexts: 4);
        using var second = first.Join(broken);
        var options = new GenerationOptions { MaxNewTokens = 20 };
        var alone = await first.GenerateAsync([5, 6, 7], options, cancellationToken: Token);
        var good = first.GenerateAsync([5, 6, 7], options, cancellationToken: Token);
        var error = await Assert.ThrowsAsync<LapidaryException>(
            () => second.GenerateAsync([5, 6, 7], options, cancellationToken: Token));
        Assert.Contains("lora_A", error.Message, StringComparison.Ordinal);
        Assert.Equal(alone.Ids, (await good).Ids);
    }

    [Fact]
    public async Task AnAdapterThatReplacesAnother_IsUsed_IfItCanShareSteps()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        var options = new GenerationOptions { MaxNewTokens = 20, DoSample = true, Temperature = 8, Seed = 4 };
        using var first = new GenerationEngine(models.Base, maxTexts: 4);
        using var second = first.Join(models.Models[1]);
        var before = await second.GenerateAsync([5, 6, 7], options, cancellationToken: Token);
        models.Models[1].Attach(models.Models[4].Adapter);
        var after = await second.GenerateAsync([5, 6, 7], options, cancellationToken: Token);
        using var own = new GenerationEngine(models.Models[4], maxTexts: 1);
        Assert.Equal((await own.GenerateAsync([5, 6, 7], options, cancellationToken: Token)).Ids, after.Ids);
        Assert.NotEqual(before.Ids, after.Ids);

        var whole = models.With(new LoraConfig { ModulesToSave = ["lm_head"] });
        models.Models[1].Attach(whole.Adapter);
        var error = await Assert.ThrowsAsync<LapidaryException>(
            () => second.GenerateAsync([5, 6, 7], options, cancellationToken: Token));
        Assert.Contains("a head of its own", error.Message, StringComparison.Ordinal);
        Assert.Equal(20, (await first.GenerateAsync([5, 6, 7], options, cancellationToken: Token)).Ids.Count);
    }

    /// <summary>Steps are recorded when they are needed, but with what was attached when the cache was made.</summary>
    [Fact]
    public async Task WhatIsAttachedWhileTextsRun_IsInNoneOfTheirSteps()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        var (model, adapter) = (models.Models[1], models.Models[1].Adapter);
        var whole = models.With(new LoraConfig { ModulesToSave = ["lm_head"] }).Adapter!;
        models.Backend.Zero(whole.Head!.Value);
        var options = new GenerationOptions { MaxNewTokens = 40, DoSample = true, Temperature = 8, Seed = 4 };
        string[] alone = [await AloneAsync(model), await AloneAsync(models.Models[2])];
        using var first = new GenerationEngine(models.Base, maxTexts: 4) { GuessesTokens = false };
        using var second = first.Join(model);
        using var third = first.Join(models.Models[2]);

        // The text's first steps have a row of the base, its last ones none.
        int tokens = 0;
        var beside = first.GenerateAsync([9, 9], options with { MaxNewTokens = 400 }, _ => Volatile.Read(ref tokens) < 12, Token);
        var text = second.GenerateAsync([5, 6, 7], options, AttachAnother, Token);
        await beside;
        Assert.Equal(alone[0], string.Join(' ', (await text).Ids));
        model.Attach(adapter);
        string[] later = await Task.WhenAll(TextAsync(second), TextAsync(second), TextAsync(third));
        Assert.Equal([alone[0], alone[0], alone[1]], later);

        bool AttachAnother(int id)
        {
            if (++tokens != 5) return true;
            model.Attach(models.Models[4].Adapter);
            models.Base.Attach(whole);
            return true;
        }

        async Task<string> AloneAsync(GemmaModel one)
        {
            using var own = new GenerationEngine(one, maxTexts: 1);
            return await TextAsync(own);
        }

        async Task<string> TextAsync(GenerationEngine engine) =>
            string.Join(' ', (await engine.GenerateAsync([5, 6, 7], options, cancellationToken: Token)).Ids);
    }

    [Fact]
    public void WhoCanJoin_IsLoraAlone_OverTheSameWeights()
    {
        using var models = new AdaptedModels(new CpuBackend(1));
        using var other = GemmaModel.Load(Fixtures.Path("tiny/model"), models.Backend);
        using var engine = new GenerationEngine(models.Base, maxTexts: 1);
        Assert.All(models.Models, model => Assert.True(engine.CanJoin(model)));
        foreach (var (model, why) in new[]
        {
            (other, "different weights"),
            (models.With(new LoraConfig { ModulesToSave = ["lm_head"] }), "an embedding or a head of its own"),
            (models.With(new LoraConfig { ModulesToSave = ["embed_tokens"] }), "an embedding or a head of its own"),
            (models.With(new LoraConfig(), isTrainable: true), "is trained"),
        })
        {
            Assert.False(engine.CanJoin(model));
            var error = Assert.Throws<LapidaryException>(() => engine.Join(model));
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
            using var own = new GenerationEngine(model, maxTexts: 1);
            Assert.False(own.CanJoin(models.Base));
        }
    }

    /// <summary>What is counted beforehand is what the steps of several adapters take.</summary>
    [Fact]
    public void TheMemoryOfSharedSteps_IsThatOfACounter()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var counter = models.Backend.CreateCounter();
        using (var counted = new CachedSteps(models.Models, 5, 300, counter))
        {
            counted.RunOnce();
            var (before, predicted) = (models.Backend.Memory.Live, counter.Memory.Live);
            using var steps = new CachedSteps(models.Models, 5, 300);
            steps.RunOnce();
            var found = models.Backend.Memory.Live;
            foreach (var owner in new[] { MemoryOwner.KvCache, MemoryOwner.Activations, MemoryOwner.Inputs })
                Assert.Equal(predicted[owner], found[owner] - before[owner]);

            // The most scratch is that of rows of one adapter. A counter includes its own from the start.
            int rows = steps.MaxDecodeRows;
            StepToken[] ofOneAdapter = [.. Enumerable.Repeat(StepToken.None with { Adapter = 1 }, rows)];
            steps.Decode(ofOneAdapter, [], steps.NewEdits(), new int[rows]);
            Assert.Equal(predicted[MemoryOwner.Workspace], models.Backend.Memory.Live[MemoryOwner.Workspace]);
        }
    }

    private static async Task<Made> MakeAsync(GenerationEngine engine, Request request)
    {
        var tokens = new List<TokenLogProbs?>();
        var text = await engine.GenerateAsync(request.Prompt, request.Options, Add, request.TopLogProbs, caller: "", Token);
        return new Made(text.Ids, tokens, text.FinishReason);

        bool Add(ChosenToken token)
        {
            tokens.Add(token.LogProbs);
            return true;
        }
    }

    /// <summary>Prompts of 1 to 490 tokens that begin alike in several models; greedy, drawn, with rules, and with probabilities.</summary>
    private static List<Request> Requests(AdaptedModels models, int count)
    {
        var random = new StableRandom(7, stream: 0);
        int[] beginning = Ids(450), lengths = [1, 2, 15, 16, 17, 64, 65, 300, 490];
        var requests = new List<Request>();
        for (int i = 0; i < count; i++)
        {
            int[] prompt = i % 3 == 2 ? [.. beginning[..(5 * i)], .. Ids(1 + i)] : Ids(lengths[i % lengths.Length]);
            requests.Add(new(i % models.Models.Length, prompt, new GenerationOptions
            {
                MaxNewTokens = 1 + random.Below(20),
                DoSample = i % 3 == 1,
                TopK = i % 2 * 40,
                TopP = i % 4 == 0 ? 1 : 0.9f,
                RepetitionPenalty = i % 7 == 6 ? 1.2f : 1,
                Seed = i,
            }, TopLogProbs: i % 4 == 1 ? 2 : null));
        }

        return requests;

        int[] Ids(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Below(models.Base.Config.VocabSize))];
    }

    private sealed record Request(int Model, int[] Prompt, GenerationOptions Options, int? TopLogProbs = null);

    private sealed record Made(IReadOnlyList<int> Ids, IReadOnlyList<TokenLogProbs?> LogProbs, FinishReason Reason);
}
