using Lapidary.Engine;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>What is disposed in a token callback, on a thread that the end of the turn waits for. Nothing may wait there for
/// itself.</summary>
public sealed class CallbackDisposalTests : IDisposable
{
    private static readonly GenerationOptions Long = new() { MaxNewTokens = 400 };

    private readonly AdaptedModels _models = new(new CpuBackend(2));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _models.Dispose();

    /// <summary>The text ends, and so do the others of the engine; then all of it is freed.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(1.0)]
    public async Task AnEngineDisposedInItsCallback_Ends(double? temperature)
    {
        using var engine = new GenerationEngine(_models.Base, 3);
        var options = Long with { Temperature = (float)(temperature ?? 0) };
        Task<GeneratedText>[] texts = [.. Enumerable.Range(5, 3).Select(id => engine.GenerateAsync([id, 6, 7], options, Dispose, Token))];

        foreach (var text in texts) await Assert.ThrowsAsync<ObjectDisposedException>(() => Ended(text));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync([5], Long, cancellationToken: Token));
        _models.Base.Dispose(); // waits for the thread of the turns
        Assert.Equal(0, _models.Backend.Memory.LiveBytesOf(MemoryOwner.KvCache));

        bool Dispose(int id)
        {
            engine.Dispose();
            return true;
        }
    }

    /// <summary>A text that its callback ends is complete.</summary>
    [Fact]
    public async Task ACallbackThatDisposesTheEngineAndEndsItsText_GetsTheText()
    {
        using var engine = new GenerationEngine(_models.Base, 2);
        var text = await Ended(engine.GenerateAsync(
            [5, 6, 7], Long,
            _ =>
            {
                engine.Dispose();
                return false;
            },
            Token));
        Assert.Single(text.Ids);
    }

    /// <summary>Engines that share steps, and another of the backend, which waits for the turn that the callback is in.</summary>
    [Fact]
    public async Task OtherEnginesDisposedInACallback_End()
    {
        using var first = new GenerationEngine(_models.Base, 3);
        using var joined = first.Join(_models.Models[1]);
        using var own = new GenerationEngine(_models.Models[2], 2);
        using var idle = new GenerationEngine(_models.Models[3], 2);
        Assert.NotEmpty((await idle.GenerateAsync([5], Long with { MaxNewTokens = 1 }, cancellationToken: Token)).Ids);
        var others = new[] { joined, own }.Select(engine => engine.GenerateAsync([5, 6, 7], Long, cancellationToken: Token)).ToArray();
        int tokens = 0;
        var text = first.GenerateAsync(
            [5, 6, 7], Long with { MaxNewTokens = 20 },
            _ =>
            {
                if (++tokens == 2) foreach (var engine in new[] { joined, own, idle }) engine.Dispose();
                return true;
            },
            Token);

        Assert.Equal(20, (await Ended(text)).Ids.Count);
        foreach (var other in others) await Assert.ThrowsAsync<ObjectDisposedException>(() => Ended(other));
        Assert.Equal((0, 0), joined.Load);
        Assert.NotEmpty((await first.GenerateAsync([5], Long with { MaxNewTokens = 1 }, cancellationToken: Token)).Ids);
    }

    /// <summary>The step uses it, so nothing can be freed; and nothing is.</summary>
    [Theory]
    [InlineData("the model")]
    [InlineData("the adapter")]
    [InlineData("the backend")]
    public async Task WhatTheStepUses_IsNotDisposedInACallback(string what)
    {
        using var engine = new GenerationEngine(_models.Models[1], 2);
        Exception? refusal = null;
        var text = engine.GenerateAsync(
            [5, 6, 7], Long with { MaxNewTokens = 5 },
            _ =>
            {
                refusal ??= Record.Exception(what switch
                {
                    "the model" => _models.Models[1].Dispose,
                    "the adapter" => _models.Models[1].Adapter!.Dispose,
                    _ => _models.Backend.Dispose,
                });
                return true;
            },
            Token);

        Assert.Equal(5, (await Ended(text)).Ids.Count);
        string message = Assert.IsType<InvalidOperationException>(refusal).Message;
        Assert.StartsWith($"Expected {what} to be disposed after the token callback", message, StringComparison.Ordinal);
        Assert.NotEmpty((await engine.GenerateAsync([5], Long with { MaxNewTokens = 1 }, cancellationToken: Token)).Ids);
    }

    [Fact]
    public async Task AnEngineJoinedInACallback_HasTexts()
    {
        using var first = new GenerationEngine(_models.Base, 2);
        GenerationEngine? joined = null;
        var text = first.GenerateAsync(
            [5], Long with { MaxNewTokens = 2 }, _ => (joined ??= first.Join(_models.Models[1])) is not null, Token);
        Assert.Equal(2, (await Ended(text)).Ids.Count);
        Assert.NotEmpty((await joined!.GenerateAsync([5], Long with { MaxNewTokens = 1 }, cancellationToken: Token)).Ids);
        joined.Dispose();
    }

    /// <summary>A deadlock is a failure, not a run without an end.</summary>
    private static Task<GeneratedText> Ended(Task<GeneratedText> text) => text.WaitAsync(TimeSpan.FromMinutes(2), Token);
}
