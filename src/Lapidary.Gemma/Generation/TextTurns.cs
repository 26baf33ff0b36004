using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Lifetime;

namespace Lapidary.Gemma.Generation;

/// <summary>The turns in which texts are generated together, by one <see cref="GenerationEngine"/> or by several that share steps. In a
/// turn waiting texts get slots, a step over their prompts is made, and one token of each text whose prompt is stored is
/// decoded.</summary>
internal sealed class TextTurns
{
    private static readonly ConditionalWeakTable<IBackend, FairGate> Gates = [];

    private readonly IBackend _backend;
    private readonly FairGate _gate;
    private readonly List<StepModel> _models = [];
    private readonly int _context;
    private readonly PromptPieces _prompts = new();
    private readonly WaitingTexts _waiting = new();
    private readonly List<EngineRequest> _running = [];
    private readonly Lock _lock = new();
    private readonly Queue<EngineRequest> _new = [];
    private Task _turns = Task.CompletedTask;
    private bool _isWorking;
    private bool _isDisposed;

    /// <summary>Creates turns without a text.</summary>
    /// <param name="model">The first model.</param>
    /// <param name="maxTexts">Most texts at a time.</param>
    /// <param name="prepared">A cache of the model to begin with, which is then owned; null for none.</param>
    public TextTurns(StepModel model, int maxTexts, CachedSteps? prepared)
    {
        _backend = model.Model.Backend;
        MaxTexts = maxTexts;
        _models.Add(model);
        _context = model.Model.Config.MaxPositionEmbeddings;
        _gate = Gates.GetValue(_backend, _ => new FairGate());
        Slots = new TextSlots(_models, maxTexts, prepared);
        Choice = new TokenChoice(_backend, maxTexts);
    }

    /// <summary>Most texts at a time.</summary>
    public int MaxTexts { get; }

    /// <summary>Most texts that may wait.</summary>
    public int MaxWaiting { get; set; } = int.MaxValue;

    /// <summary>Tokens that the first cache has room for.</summary>
    public int ReservedLength { get; set; }

    /// <summary>The cache.</summary>
    public TextSlots Slots { get; }

    /// <summary>The decoding.</summary>
    public TokenChoice Choice { get; }

    /// <summary>Number of a model's texts that run, and of those that wait, at about this moment.</summary>
    public (int Running, int Waiting) LoadOf(StepModel model)
    {
        lock (_lock) return (model.Running, model.Waiting + _new.Count(request => request.Text.Model == model));
    }

    /// <summary>Adds a model, whose first text makes the cache anew.</summary>
    /// <param name="model">The model.</param>
    /// <param name="beside">The one whose engine it joins.</param>
    /// <exception cref="LapidaryException">Its texts cannot run in the same steps.</exception>
    public void Add(StepModel model, StepModel beside)
    {
        using var turn = EnterOrStay();
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed || !_models.Contains(beside), typeof(GenerationEngine));
            SharedSteps.Require(_models[0].Model, model.Model);
            _models.Add(model);
        }
    }

    /// <summary>Ends a model's texts after the current turn. With the last model the cache is freed.</summary>
    /// <returns>Whether nothing uses the model any more. In a token callback the turn goes on, and afterwards the rest is done on the
    /// thread of the turns.</returns>
    public bool Remove(StepModel model)
    {
        bool mayWait = !TokenCallback.IsHere(_backend);
        lock (_lock) _isDisposed |= _models.Count == 1 && _models[0] == model;
        if (!_isDisposed) RemoveBesideOthers(model);
        if (!_isDisposed) return mayWait;
        if (mayWait) _turns.GetAwaiter().GetResult();
        lock (_lock)
        {
            if (mayWait || !_isWorking) Slots.Dispose(); // the last two may end at once
        }

        return mayWait;
    }

    /// <summary>Allocates the cache before the first text.</summary>
    /// <returns>Number of texts of that length at a time.</returns>
    /// <exception cref="LapidaryException">Not enough memory for a single text.</exception>
    public int Prepare(StepModel model, int maxLength)
    {
        using var turn = _gate.Enter();
        Slots.Prepare(model, maxLength, maxLength);
        return Slots.Steps.Slots;
    }

    /// <summary>Adds a text, which waits for its slot.</summary>
    /// <exception cref="LapidaryException">Too many texts wait.</exception>
    public void Add(EngineRequest request)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed || !_models.Contains(request.Text.Model), typeof(GenerationEngine));
            if (_new.Count + _waiting.Count >= MaxWaiting)
                throw new LapidaryException($"{MaxWaiting} texts wait already; try again when some have ended.");
            _new.Enqueue(request);
            if (_isWorking) return;
            _isWorking = true;
            _turns = Task.Factory.StartNew(TakeTurns, default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
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
            if (_isDisposed) FailAll(new ObjectDisposedException(nameof(GenerationEngine)));
            Count();
            return _isWorking = _waiting.Count + _running.Count > 0;
        }
    }

    private void TakeTurn()
    {
        _waiting.RemoveEnded();
        RemoveEnded();
        Admit();
        Count();
        _prompts.StoreNext(_running, Slots.Steps);
        Decode();
    }

    /// <summary>Gives waiting texts slots, in their order. A text that is longer than the cache waits until no text runs; then the cache
    /// grows.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0)
        {
            var request = _waiting.First;
            var (model, length) = (request.Text.Model, request.Text.MaxLength);
            if (!Slots.Fits(model, length))
            {
                if (_running.Count > 0) return;
                try
                {
                    Slots.Prepare(model, length, Reserved(length));
                }
                catch (LapidaryException e)
                {
                    request.Fail(e);
                    _waiting.RemoveFirst();
                    continue;
                }
            }

            if (Slots.Free == 0) return;
            request.Cached = Slots.Begin(request.Text);
            _waiting.RemoveFirst();
            _running.Add(request);
        }
    }

    /// <summary>Room for somewhat longer texts, so that the cache seldom grows.</summary>
    private int Reserved(int maxLength)
    {
        long room = BitOperations.RoundUpToPowerOf2((uint)maxLength);
        return (int)Math.Max(ReservedLength, Math.Min(room, _context));
    }

    private void Decode()
    {
        Choice.Clear();
        foreach (var request in _running)
            if (request.Text.Unstored == 0) Choice.Add(request);
        if (Choice.Count == 0) return;
        Choice.Run(Slots.Steps);
        if (RemoveEnded()) Count();
    }

    private bool RemoveEnded()
    {
        foreach (var request in _running)
            if (request.EndIfCancelled()) Slots.End(request.Text);
        return _running.RemoveAll(request => request.HasEnded) > 0;
    }

    /// <summary>Counts each model's texts.</summary>
    private void Count()
    {
        lock (_lock)
        {
            foreach (var model in _models) model.Running = model.Waiting = 0;
            foreach (var request in _running) request.Text.Model.Running++;
            for (int i = 0; i < _waiting.Count; i++) _waiting[i].Text.Model.Waiting++;
        }
    }

    /// <summary>Waits for a turn, except in a token callback: there the present turn does, as its step is done and waits.</summary>
    private FairGate.Turn EnterOrStay() => TokenCallback.IsHere(_backend) ? default : _gate.Enter();

    private void RemoveBesideOthers(StepModel model)
    {
        using var turn = EnterOrStay();
        lock (_lock)
        {
            while (_new.TryDequeue(out var request)) _waiting.Add(request);
            foreach (var request in _running.Concat(_waiting.All))
                if (request.Text.Model == model) request.Fail(new ObjectDisposedException(nameof(GenerationEngine)));
            _waiting.RemoveEnded();
            RemoveEnded();
            Count(); // for the last time of this model
            _models.Remove(model);
            _isDisposed |= _models.Count == 0;
        }
    }

    /// <summary>After an error of the device nothing is known about the cache.</summary>
    private void FailAll(Exception error)
    {
        foreach (var request in _running.Concat(_waiting.All))
            if (!request.EndIfCancelled()) request.Fail(error);
        _running.Clear();
        _waiting.Clear();
        Slots.Dispose();
    }
}
