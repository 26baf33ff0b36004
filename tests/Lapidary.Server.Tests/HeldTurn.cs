using Lapidary.Gemma;

namespace Lapidary.Server.Tests;

/// <summary>The turn of a model's device, until it is disposed: no other engine of the device makes a step meanwhile, so what a test finds
/// does not depend on how fast answers are.</summary>
internal sealed class HeldTurn : IDisposable
{
    private readonly ManualResetEventSlim _end = new();
    private readonly GenerationEngine _engine;
    private readonly Task _text;

    private HeldTurn(GemmaModel model, TaskCompletionSource begun)
    {
        _engine = new GenerationEngine(model, maxTexts: 1);
        _text = _engine.GenerateAsync([2], new GenerationOptions { MaxNewTokens = 1 }, _ =>
        {
            begun.SetResult();
            _end.Wait();
            return false;
        });
    }

    /// <summary>Waits for the turn.</summary>
    public static async Task<HeldTurn> StartAsync(GemmaModel model)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var turn = new HeldTurn(model, begun);
        await await Task.WhenAny(begun.Task, turn._text);
        return turn;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Set();
        _text.GetAwaiter().GetResult();
        _engine.Dispose();
        _end.Dispose();
    }
}
