using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>Generates many texts at once (continuous batching): texts join and leave between steps. A turn of the engine admits waiting
/// texts, stores one piece of their prompts, and decodes one token of each text whose prompt is stored. So a long prompt delays the others
/// by one piece at a time.</summary>
/// <remarks>All engines of a backend take turns, because a backend's scratch memory supports one computation at a time. The engine's thread
/// ends when no text is left.</remarks>
internal sealed class BatchEngine : ITokenEngine
{
    private static readonly ConditionalWeakTable<IBackend, FairGate> Gates = [];

    private readonly GemmaModel _model;
    private readonly FairGate _gate;
    private readonly TextSlots _slots;
    private readonly StepToken[] _tokens;
    private readonly TokenChoice _choice;
    private readonly List<EngineRequest> _waiting = [];
    private readonly List<EngineRequest> _running = [];
    private readonly Lock _lock = new();
    private readonly Queue<EngineRequest> _new = [];
    private Task _turns = Task.CompletedTask;
    private bool _isWorking;
    private bool _isDisposed;

    /// <summary>Creates an engine.</summary>
    /// <param name="model">The model, which others may use between turns.</param>
    /// <param name="maxTexts">Most texts at a time; 0 for the backend's number. If memory is insufficient, there are fewer.</param>
    public BatchEngine(GemmaModel model, int maxTexts = 0)
    {
        if (maxTexts <= 0) maxTexts = model.Backend.EfficientTexts;
        _model = model;
        _gate = Gates.GetValue(model.Backend, _ => new FairGate());
        _slots = new TextSlots(model, maxTexts);
        _tokens = new StepToken[Math.Max(maxTexts, CachedSteps.MaxPromptStep)];
        _choice = new TokenChoice(model, maxTexts);
    }

    /// <summary>Most texts that may wait. One more is refused.</summary>
    public int MaxWaiting { get; init; } = int.MaxValue;

    /// <summary>Tokens of prompt and text that the first cache has room for, if longer texts may follow.</summary>
    public int ReservedLength { get; init; }

    /// <inheritdoc/>
    public Task<int> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool> onToken, CancellationToken cancellationToken)
    {
        options.Validate();
        PromptCheck.Require(promptIds, options, _model.Config);
        var request = new EngineRequest(new RunningText(promptIds, options), onToken, cancellationToken);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_new.Count + _waiting.Count >= MaxWaiting)
                throw new LapidaryException($"{MaxWaiting} texts wait already; try again when some have ended.");
            _new.Enqueue(request);
            if (!_isWorking)
            {
                _isWorking = true;
                _turns = Task.Factory.StartNew(TakeTurns, default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
        }

        return request.Done;
    }

    /// <summary>Ends all texts after the current turn and frees the cache.</summary>
    public void Dispose()
    {
        lock (_lock) _isDisposed = true;
        _turns.GetAwaiter().GetResult();
        _slots.Dispose();
    }

    private void TakeTurns()
    {
        while (HasWork())
        {
            using var turn = _gate.EnterAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
            try
            {
                TakeTurn();
            }
            catch (Exception e)
            {
                FailAll(e);
            }
        }
    }

    private bool HasWork()
    {
        lock (_lock)
        {
            while (_new.TryDequeue(out var request)) _waiting.Add(request);
            if (!_isDisposed && _waiting.Count + _running.Count > 0) return true;
            FailAll(new ObjectDisposedException(nameof(GemmaChatClient)));
            return _isWorking = false;
        }
    }

    private void TakeTurn()
    {
        _waiting.RemoveAll(request => request.EndIfCancelled());
        RemoveEnded(request => request.EndIfCancelled());
        Admit();
        StorePrompts();
        Decode();
    }

    /// <summary>Gives waiting texts slots, in their order. A text that is longer than the cache waits until no text runs; then the cache
    /// grows.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0)
        {
            var request = _waiting[0];
            if (!_slots.Fits(request.Text.MaxLength))
            {
                if (_running.Count > 0) return;
                try
                {
                    _slots.Prepare(request.Text.MaxLength, Reserved(request.Text.MaxLength));
                }
                catch (LapidaryException e)
                {
                    request.Fail(e);
                    _waiting.RemoveAt(0);
                    continue;
                }
            }

            if (_slots.Free == 0) return;
            request.Cached = _slots.Begin(request.Text);
            _waiting.RemoveAt(0);
            _running.Add(request);
        }
    }

    /// <summary>Room for somewhat longer texts, so that the cache seldom grows.</summary>
    private int Reserved(int maxLength)
    {
        long room = BitOperations.RoundUpToPowerOf2((uint)maxLength);
        return (int)Math.Max(ReservedLength, Math.Min(room, _model.Config.MaxPositionEmbeddings));
    }

    private void StorePrompts()
    {
        int count = 0;
        foreach (var request in _running) // the oldest first
        {
            int taken = Math.Min(request.Text.Unstored, CachedSteps.MaxPromptStep - count);
            for (int i = 0; i < taken; i++) _tokens[count + i] = request.Text.Next(i);
            request.Text.AddStored(taken);
            count += taken;
        }

        if (count > 0) _slots.Steps.Store(_tokens.AsSpan(0, count));
    }

    private void Decode()
    {
        _choice.Clear();
        foreach (var request in _running)
            if (request.Text.Unstored == 0) _choice.Add(request);
        if (_choice.Count == 0) return;
        _choice.Run(_slots.Steps);
        RemoveEnded(request => request.HasEnded);
    }

    private void RemoveEnded(Func<EngineRequest, bool> hasEnded)
    {
        foreach (var request in _running)
            if (hasEnded(request)) _slots.End(request.Text);
        _running.RemoveAll(request => request.HasEnded);
    }

    /// <summary>After an error of the device nothing is known about the cache.</summary>
    private void FailAll(Exception error)
    {
        foreach (var request in _running.Concat(_waiting)) request.Fail(error);
        _running.Clear();
        _waiting.Clear();
        _slots.Dispose();
    }
}
