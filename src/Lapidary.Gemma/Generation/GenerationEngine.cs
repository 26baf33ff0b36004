using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma;

/// <summary>Generates many texts at once (continuous batching), for any number of callers. A text has the same ids, to the bit, alone or
/// among others.</summary>
/// <remarks>
/// <para>Texts join and leave between steps. In a turn the engine admits waiting texts, stores one piece of their prompts, and decodes one
/// token of each text whose prompt is stored. So a long prompt delays the others by one piece at a time.</para>
/// <para>While few texts run, a turn may decode several tokens of a text: those that follow where the same words stand earlier in it are
/// guessed, and one step checks them all. No token depends on a guess.</para>
/// <para>A prompt that begins like an earlier one, whose slot is free, is computed only from the first difference on.</para>
/// <para>All engines of a backend take turns, because a backend's scratch memory supports one computation at a time. The engine's thread
/// ends when no text is left.</para>
/// </remarks>
public sealed class GenerationEngine : IDisposable
{
    private static readonly ConditionalWeakTable<IBackend, FairGate> Gates = [];

    private readonly FairGate _gate;
    private readonly TextSlots _slots;
    private readonly StepToken[] _tokens = new StepToken[CachedSteps.MaxPromptStep];
    private readonly TokenChoice _choice;
    private readonly WaitingTexts _waiting = new();
    private readonly List<EngineRequest> _running = [];
    private readonly Lock _lock = new();
    private readonly Queue<EngineRequest> _new = [];
    private Task _turns = Task.CompletedTask;
    private bool _isWorking;
    private bool _isDisposed;

    /// <summary>Creates an engine.</summary>
    /// <param name="model">The model, which others may use between turns.</param>
    /// <param name="maxTexts">Most texts at a time; 0 for the backend's number. If memory is insufficient, there are fewer.</param>
    public GenerationEngine(GemmaModel model, int maxTexts = 0)
        : this(model, maxTexts > 0 ? maxTexts : model.Backend.EfficientTexts, prepared: null)
    {
    }

    /// <summary>Creates an engine over a cache that is there already, whose memory is thus known.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prepared">The cache, which the engine then owns. It grows only for a text that is longer.</param>
    internal GenerationEngine(GemmaModel model, CachedSteps prepared) : this(model, prepared.Slots, prepared)
    {
    }

    private GenerationEngine(GemmaModel model, int maxTexts, CachedSteps? prepared)
    {
        (Model, MaxTexts) = (model, maxTexts);
        _gate = Gates.GetValue(model.Backend, _ => new FairGate());
        _slots = new TextSlots(model, maxTexts, prepared);
        _choice = new TokenChoice(model, maxTexts);
    }

    /// <summary>The model.</summary>
    public GemmaModel Model { get; }

    /// <summary>Most texts at a time.</summary>
    public int MaxTexts { get; }

    /// <summary>Most texts that may wait. One more is refused.</summary>
    public int MaxWaiting { get; init; } = int.MaxValue;

    /// <summary>Tokens of prompt and text that the first cache has room for, if longer texts may follow.</summary>
    public int ReservedLength { get; init; }

    /// <summary>Whether tokens are guessed while few texts run, and checked several at a time; the default on the CPU. No bits depend on
    /// it, only speed.</summary>
    public bool GuessesTokens
    {
        get => _choice.Costs is not null;
        init => _choice.Costs = value ? new StepCosts() : null;
    }

    /// <summary>What steps cost, instead of what is measured.</summary>
    internal StepCosts StepCosts
    {
        init => _choice.Costs = value;
    }

    /// <summary>Guessed tokens that were checked, and those of them that were right.</summary>
    internal (long Guessed, long Accepted) Guesses => _choice.Guesses;

    /// <summary>Number of engines of the device that are to divide its free memory evenly.</summary>
    internal int Sharers
    {
        init => _slots.MemoryShare = 1.0 / (value + 1);
    }

    /// <summary>Number of texts that run, and of those that wait, at about this moment.</summary>
    internal (int Running, int Waiting) Load
    {
        get
        {
            lock (_lock) return (_running.Count, _new.Count + _waiting.Count);
        }
    }

    /// <summary>Allocates the cache before the first text.</summary>
    /// <param name="maxLength">Most tokens of a prompt and its text.</param>
    /// <returns>Number of texts of that length at a time, at most <see cref="MaxTexts"/>.</returns>
    /// <exception cref="LapidaryException">Not enough memory for a single text.</exception>
    internal int Prepare(int maxLength)
    {
        using var turn = _gate.Enter();
        _slots.Prepare(maxLength, maxLength);
        return _slots.Steps.Slots;
    }

    /// <summary>Continues a prompt until a stop token, the limit, or the caller ends it.</summary>
    /// <param name="promptIds">At least one id; must not change meanwhile.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="onToken">Receives each new id in order and returns whether to continue. It must be fast, because other texts wait for
    /// it. Null to receive the ids at the end alone.</param>
    /// <param name="cancellationToken">Ends the text, or its wait, within a step.</param>
    /// <exception cref="LapidaryException">The prompt or an option is out of range, too many texts wait, memory is insufficient, or the
    /// logits are not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<GeneratedText> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool>? onToken = null,
        CancellationToken cancellationToken = default) =>
        GenerateAsync(promptIds, options, onToken is null ? null : token => onToken(token.Id), null, caller: "", cancellationToken);

    /// <summary>The same, with the tokens' probabilities.</summary>
    /// <param name="promptIds">At least one id; must not change meanwhile.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="onToken">As above.</param>
    /// <param name="topLogProbs">Number of likeliest tokens at each place, 0 for the chosen one alone; null for no probabilities. They need
    /// all logits of each token in host memory.</param>
    /// <param name="caller">Whose text it is: callers share the engine evenly; "" for no one's in particular.</param>
    /// <param name="cancellationToken">Ends the text, or its wait, within a step.</param>
    internal Task<GeneratedText> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<ChosenToken, bool>? onToken, int? topLogProbs,
        string caller, CancellationToken cancellationToken)
    {
        options.Validate();
        options = PromptCheck.Limit(promptIds, options, Model.Config);
        var request = new EngineRequest(new RunningText(promptIds, options, topLogProbs), onToken, caller, cancellationToken);
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
            using var turn = _gate.Enter();
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
            if (_isDisposed) FailAll(new ObjectDisposedException(nameof(GenerationEngine)));
            return _isWorking = false;
        }
    }

    private void TakeTurn()
    {
        _waiting.RemoveCancelled();
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
            var request = _waiting.First;
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
                    _waiting.RemoveFirst();
                    continue;
                }
            }

            if (_slots.Free == 0) return;
            request.Cached = _slots.Begin(request.Text);
            _waiting.RemoveFirst();
            _running.Add(request);
        }
    }

    /// <summary>Room for somewhat longer texts, so that the cache seldom grows.</summary>
    private int Reserved(int maxLength)
    {
        long room = BitOperations.RoundUpToPowerOf2((uint)maxLength);
        return (int)Math.Max(ReservedLength, Math.Min(room, Model.Config.MaxPositionEmbeddings));
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
        foreach (var request in _running.Concat(_waiting.All))
            if (!request.EndIfCancelled()) request.Fail(error);
        _running.Clear();
        _waiting.Clear();
        _slots.Dispose();
    }
}
