using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>A model that is disposed before what uses it: the caller's mistake, which must not read freed memory.</summary>
public class DisposalTests
{
    private static readonly GenerationOptions Long = new() { MaxNewTokens = 400 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The text that runs ends, and the engine refuses others, as if it had been disposed first.</summary>
    [Fact]
    public async Task AModelDisposedBeforeItsEngine_DisposesTheEngine()
    {
        using var backend = new CpuBackend(2);
        var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var engine = new GenerationEngine(model, 2);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = engine.GenerateAsync([5, 6, 7], Long, _ => begun.TrySetResult() || true, Token);
        await begun.Task;

        model.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync([5], Long, cancellationToken: Token));
        Assert.Throws<ObjectDisposedException>(() => new GenerationEngine(model, 2));
        model.Dispose();
        Assert.Equal(0, backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
    }

    /// <summary>An adapter's model alone ends its own engine; the base, which owns the weights, those of all.</summary>
    [Fact]
    public async Task ABaseDisposedBeforeTheEnginesOfAdapters_DisposesThem()
    {
        var models = new AdaptedModels(new CpuBackend(2));
        using var first = new GenerationEngine(models.Base, 2);
        using var joined = first.Join(models.Models[1]);
        using var own = new GenerationEngine(models.Models[2], 2);
        foreach (var engine in new[] { first, joined, own }) await Text(engine);

        models.Models[1].Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Text(joined));
        Assert.NotEmpty((await Text(first)).Ids);
        Assert.NotEmpty((await Text(own)).Ids);

        models.Base.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Text(first));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Text(own));
        models.Dispose();

        static Task<GeneratedText> Text(GenerationEngine engine) =>
            engine.GenerateAsync([5, 6], new() { MaxNewTokens = 3 }, cancellationToken: Token);
    }

    /// <summary>A model over weights that are freed gets no engine any more.</summary>
    [Fact]
    public void ABaseDisposedBeforeAnEngineOfItsAdapter_RefusesTheEngine()
    {
        using var backend = new CpuBackend(2);
        var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var child = model.ShareWeights();
        using var engine = new GenerationEngine(child, 2);

        model.Dispose();

        Assert.Throws<ObjectDisposedException>(() => new GenerationEngine(child, 2));
        Assert.Throws<ObjectDisposedException>(() => new TextGenerator(child));
        Assert.Throws<ObjectDisposedException>(child.ShareWeights);
    }

    /// <summary>The thread that reads is in the middle of a step when another disposes the model.</summary>
    [Fact]
    public async Task AModelDisposedByAnotherThreadThanItsGenerators_EndsTheText()
    {
        for (int round = 0; round < 20; round++)
        {
            using var backend = new CpuBackend(2);
            var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
            using var generator = new TextGenerator(model);
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var running = Task.Run(
                () =>
                {
                    while (true)
                    {
                        foreach (int id in generator.Generate([5, 6, 7], Long, Token)) begun.TrySetResult();
                        Token.ThrowIfCancellationRequested();
                    }
                },
                Token);
            await begun.Task;

            model.Dispose();

            await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        }
    }

    [Fact]
    public void AModelDisposedBeforeItsGenerator_EndsTheText()
    {
        using var backend = new CpuBackend(2);
        var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var generator = new TextGenerator(model);
        using var ids = generator.Generate([5, 6, 7], Long, Token).GetEnumerator();
        Assert.True(ids.MoveNext());

        model.Dispose();

        Assert.Throws<ObjectDisposedException>(() =>
        {
            while (ids.MoveNext())
            {
            }
        });
        Assert.Throws<ObjectDisposedException>(() => generator.Generate([5], Long, Token).First());
    }

    /// <summary>The adapter's memory and the backend's scratch are used by the turns as the model's weights are.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnAdapterOrABackendDisposedBeforeItsEngine_DisposesTheEngine(bool isAdapter)
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var engine = new GenerationEngine(models.Models[1], 2);
        var generator = new TextGenerator(models.Models[1]);
        using var ids = generator.Generate([5, 6, 7], Long, Token).GetEnumerator();
        Assert.True(ids.MoveNext());
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = engine.GenerateAsync([5, 6, 7], Long, _ => begun.TrySetResult() || true, Token);
        await begun.Task;

        if (isAdapter) models.Models[1].Adapter!.Dispose();
        else models.Backend.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync([5], Long, cancellationToken: Token));
        Assert.Throws<ObjectDisposedException>(() =>
        {
            while (ids.MoveNext())
            {
            }
        });
        Assert.Throws<ObjectDisposedException>(() => generator.Generate([5], Long, Token).First());
        Assert.Equal(0, models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
        if (!isAdapter) return;
        Assert.Throws<ObjectDisposedException>(() => new GenerationEngine(models.Models[1], 2));
        Assert.Throws<ObjectDisposedException>(() => models.Base.Attach(models.Models[1].Adapter));
        using var other = new GenerationEngine(models.Models[2], 2);
        Assert.NotEmpty((await other.GenerateAsync([5, 6], new() { MaxNewTokens = 3 }, cancellationToken: Token)).Ids);
    }

    /// <summary>An adapter that the model has no longer is nothing to its engine.</summary>
    [Fact]
    public async Task AnAdapterThatIsReplaced_CanBeDisposed()
    {
        using var models = new AdaptedModels(new CpuBackend(2));
        using var engine = new GenerationEngine(models.Models[1], 2);
        Assert.NotEmpty((await Text()).Ids);
        var replaced = models.Models[1].Adapter!;
        models.Models[1].Attach(null);
        replaced.Dispose();
        Assert.NotEmpty((await Text()).Ids);

        Task<GeneratedText> Text() => engine.GenerateAsync([5, 6], new() { MaxNewTokens = 3 }, cancellationToken: Token);
    }
}
