using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>Many texts at once, on each device. The model has windows of 16 tokens, so most prompts are longer than a window.</summary>
[Collection(TestDevice.Cuda)]
public class GenerationEngineTests
{
    private static readonly ModelOptions Nf4 = new() { Quantization = QuantizationKind.Nf4 };

    public static TheoryData<string> Devices { get; } = [TestDevice.Cpu, TestDevice.Cuda, TestDevice.CudaFloat16];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The ids of a text depend neither on its neighbours, their number and order, nor on how its prompt is cut, nor on what an
    /// earlier text left in its slot; greedy or drawn.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public async Task ATextIsTheSame_AloneAndAmongOthers(string device)
    {
        using var backend = DeviceOf(device);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        var requests = Requests(model, count: 24);
        var alone = new List<int[]>();
        foreach (var (prompt, options) in requests)
        {
            using var generator = new TextGenerator(model);
            alone.Add([.. generator.Generate(prompt, options, Token)]);
        }

        using var one = new TextGenerator(model); // slots keep what the text before has stored
        for (int i = 0; i < requests.Count; i++)
            Assert.Equal(alone[i], one.Generate(requests[i].Prompt, requests[i].Options, Token));

        foreach (int texts in new[] { 1, 2, 7, 33 })
        {
            using var engine = new GenerationEngine(model, texts);
            int[] order = [.. Enumerable.Range(0, requests.Count)];
            new Random(texts).Shuffle(order);
            var made = order.Select(i => engine.GenerateAsync(requests[i].Prompt, requests[i].Options, cancellationToken: Token));
            var found = await Task.WhenAll(made.ToArray());
            for (int i = 0; i < order.Length; i++) Assert.Equal(alone[order[i]], found[i].Ids);
        }
    }

    /// <summary>Who wants log probabilities has the logits read: then the host chooses, otherwise the device.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public async Task TheDeviceChooses_AsTheHostDoes(string device)
    {
        using var backend = DeviceOf(device);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        var draws = new GenerationOptions { MaxNewTokens = 40, DoSample = true, Temperature = 1.2f };
        GenerationOptions[] all =
        [
            draws, draws with { TopK = 20 }, draws with { TopP = 0.8f }, draws with { MinP = 0.1f },
            draws with { TopK = 5000, TopP = 0.95f, MinP = 0.001f },
            draws with { RepetitionPenalty = 1.3f }, draws with { SuppressTokens = [5, 6, 7, 100_000], TopP = 0.9f },
            draws with { DoSample = false, RepetitionPenalty = 1.5f, NoRepeatNgramSize = 2, BeginSuppressTokens = [9] },
            draws with { DoSample = false, NoRepeatNgramSize = 1, SuppressTokens = [.. Enumerable.Range(0, 400)] },
            draws with { NoRepeatNgramSize = 2, SuppressTokens = [.. Enumerable.Range(0, model.Config.VocabSize - 90)] },
        ];
        using var engine = new GenerationEngine(model, 8);
        var made = new List<Task<GeneratedText>>();
        for (int i = 0; i < all.Length; i++)
        {
            int[] prompt = [.. Enumerable.Range(3 + i, 20 + i).Select(id => id % 11)];
            foreach (int? top in (int?[])[null, 0])
                made.Add(engine.GenerateAsync(prompt, all[i] with { Seed = i }, null, top, caller: "", Token));
        }

        var texts = await Task.WhenAll(made);
        for (int i = 0; i < all.Length; i++) Assert.Equal(texts[(2 * i) + 1].Ids, texts[2 * i].Ids);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public async Task RulesThatLeaveNoToken_AreAnError(string device)
    {
        using var backend = DeviceOf(device);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, 2);
        var none = new GenerationOptions { MaxNewTokens = 3, SuppressTokens = [.. Enumerable.Range(0, model.Config.VocabSize)] };
        foreach (var options in new[] { none, none with { DoSample = true } })
        {
            var error = await Assert.ThrowsAsync<LapidaryException>(() => engine.GenerateAsync([5], options, cancellationToken: Token));
            Assert.Contains("leave no token", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task APromptThatBeginsLikeAnEarlierOne_IsComputedFromTheDifferenceOn()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 1) { ReservedLength = 600 };
        int[] start = [.. Enumerable.Range(0, 40).Select(i => 3 + i)];
        var options = new GenerationOptions { MaxNewTokens = 3 };
        Assert.Equal(0, (await engine.GenerateAsync([.. start, 7], options, cancellationToken: Token)).CachedTokens);
        Assert.Equal(40, (await engine.GenerateAsync([.. start, 8, 9], options, cancellationToken: Token)).CachedTokens);
        Assert.Equal(0, (await engine.GenerateAsync([9, .. start], options, cancellationToken: Token)).CachedTokens);
    }

    /// <summary>On the CPU a step over prompts has any number of rows.</summary>
    [Fact]
    public async Task PromptsOfManyLengths_LeaveNoStepsBehind()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 1) { ReservedLength = 200 };
        var options = new GenerationOptions { MaxNewTokens = 2 };
        var bytes = new List<long>();
        foreach (int length in new[] { 30, 20, 50, 40, 30 })
        {
            await engine.GenerateAsync([.. Enumerable.Range(3 + length, length)], options, cancellationToken: Token);
            bytes.Add(backend.Memory.LiveBytesOf(MemoryOwner.Inputs));
        }

        Assert.True(bytes[1] < bytes[0]);
        Assert.Equal(bytes[0], bytes[^1]);
    }

    /// <summary>Its weights may have changed between two texts.</summary>
    [Fact]
    public async Task AnAdapterThatIsTrained_LeavesNothingOfAPrompt()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var adapter = Adapter.Create(model, new LoraConfig(), seed: 1);
        model.Attach(adapter);
        using var engine = new GenerationEngine(model, maxTexts: 1);
        int[] prompt = [.. Enumerable.Range(3, 40)];
        var options = new GenerationOptions { MaxNewTokens = 2 };
        for (int i = 0; i < 2; i++)
            Assert.Equal(0, (await engine.GenerateAsync(prompt, options, cancellationToken: Token)).CachedTokens);
    }

    [Fact]
    public async Task ACancelledText_LeavesItsSlot_AndAWaitingOneLeavesTheQueue()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 1);
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var started = new TaskCompletionSource();
        var endless = new GenerationOptions { MaxNewTokens = 100_000 };
        var running = engine.GenerateAsync([5, 6, 7], endless, token => started.TrySetResult() | Slowly(token), first.Token);
        await started.Task.WaitAsync(Token);
        var waiting = engine.GenerateAsync([5, 6], endless, cancellationToken: second.Token);
        var last = engine.GenerateAsync([5], new GenerationOptions { MaxNewTokens = 4 }, cancellationToken: Token);

        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.False(running.IsCompleted);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(4, (await last).Ids.Count);
    }

    [Fact]
    public async Task TheCacheGrows_ForALongerText_WhenNoOtherRuns()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 2);
        int[] lengths = [10, 200, 20, 490];
        var made = lengths.Select(length => engine.GenerateAsync(
            [.. Enumerable.Range(0, length).Select(i => i % 1000)], new GenerationOptions { MaxNewTokens = 5 }, cancellationToken: Token));
        Assert.All(await Task.WhenAll(made.ToArray()), text => Assert.Equal(5, text.Ids.Count));
    }

    [Fact]
    public async Task AnErrorOfOneText_StaysWithIt()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 4);
        var options = new GenerationOptions { MaxNewTokens = 6 };
        var good = engine.GenerateAsync([5, 6, 7], options, cancellationToken: Token);
        var bad = engine.GenerateAsync([5, 6, 8], options, _ => throw new InvalidOperationException("the reader's"), Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => bad);
        Assert.Equal(6, (await good).Ids.Count);
        await Assert.ThrowsAsync<LapidaryException>(() => engine.GenerateAsync([5, -6], options, cancellationToken: Token));
    }

    [Fact]
    public async Task MoreTextsThanMayWait_AreRefused()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var engine = new GenerationEngine(model, maxTexts: 1) { MaxWaiting = 2 };
        using var stop = new CancellationTokenSource();
        var options = new GenerationOptions { MaxNewTokens = 100_000 };
        var taken = new List<Task>();
        var error = await Assert.ThrowsAsync<LapidaryException>(async () =>
        {
            for (int i = 0; i < 10; i++) taken.Add(engine.GenerateAsync([5], options, Slowly, stop.Token));
            await Task.WhenAll(taken);
        });
        Assert.Equal("2 texts wait already; try again when some have ended.", error.Message);
        await stop.CancelAsync();
    }

    [Fact]
    public async Task Dispose_EndsWhatRuns_AndFreesTheCache()
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        var engine = new GenerationEngine(model);
        var running = engine.GenerateAsync([5], new GenerationOptions { MaxNewTokens = 100_000 }, Slowly, Token);
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        Assert.Equal(0, backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
        Assert.Throws<ObjectDisposedException>(
            () => { _ = engine.GenerateAsync([5], new GenerationOptions(), cancellationToken: Token); });
    }

    /// <summary>The model's context of 512 tokens then takes ten seconds, so that a text still runs when a test ends it, on a busy machine
    /// too.</summary>
    private static bool Slowly(int id)
    {
        Thread.Sleep(20);
        return true;
    }

    /// <summary>Prompts of 1 to 490 tokens, some with a common beginning.</summary>
    private static List<(int[] Prompt, GenerationOptions Options)> Requests(GemmaModel model, int count)
    {
        var random = new StableRandom(7, stream: 0);
        int[] beginning = Ids(200);
        int[] lengths = [1, 2, 15, 16, 17, 63, 64, 65, 300, 400, 471, 490];
        var requests = new List<(int[], GenerationOptions)>();
        for (int i = 0; i < count; i++)
        {
            int[] prompt = i % 4 == 3 ? [.. beginning[..(150 + i)], .. Ids(1 + i)] : Ids(lengths[i % lengths.Length]);
            requests.Add((prompt, new GenerationOptions
            {
                MaxNewTokens = 1 + random.Below(20),
                DoSample = i % 3 == 1,
                TopK = i % 2 * 40,
                TopP = i % 5 == 0 ? 1 : 0.9f,
                MinP = i % 4 == 0 ? 0.02f : 0,
                RepetitionPenalty = i % 8 == 7 ? 1.2f : 1,
                Seed = i,
            }));
        }

        return requests;

        int[] Ids(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Below(model.Config.VocabSize))];
    }

    private static IBackend DeviceOf(string device) => TestDevice.New(device, threads: 2);
}
