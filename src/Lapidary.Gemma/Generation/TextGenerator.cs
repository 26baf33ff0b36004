using Lapidary.Formats;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma;

/// <summary>Continues token ids, one text at a time.</summary>
/// <remarks>A step ends by choosing the likeliest next id. So without sampling, no logits leave the device, and a step costs one small
/// copy each way. A prompt that begins like the one before it is computed only from the first difference on. The ids are the same to the
/// bit as those of the same text among others in a <see cref="GenerationEngine"/>.</remarks>
public sealed class TextGenerator : IDisposable
{
    private readonly StepModel _model;
    private readonly StepToken[] _piece = new StepToken[CachedSteps.MaxPieceLength];
    private readonly TextSlots _slots;
    private readonly TokenChoice _choice;
    private readonly Lock _step = new(); // held by what uses the cache: disposal waits for it
    private RunningText? _running;
    private bool _isDisposed;

    /// <summary>Creates a generator.</summary>
    /// <param name="model">The model, with its adapter attached if it has one.</param>
    public TextGenerator(GemmaModel model)
    {
        _model = new StepModel(model);
        _slots = new TextSlots([_model], most: 1);
        _choice = new TokenChoice(model.Backend, maxTexts: 1);
        model.AddUser(this);
    }

    /// <summary>Tokens of prompt and text that the first cache has room for, if longer texts may follow.</summary>
    public int ReservedLength { get; init; }

    /// <summary>Whether tokens are guessed and checked several at a time; the default on the CPU. No bits depend on it, only
    /// speed.</summary>
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
    internal (long Guessed, long Accepted) Guesses => _model.Guesses;

    /// <summary>Yields new ids as they are chosen. Ends before a stop token, at the limit, at the end of the model's context
    /// (max_position_embeddings), or when cancelled.</summary>
    /// <param name="promptIds">At least one id.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="cancellationToken">Ends the text after the current token.</param>
    /// <exception cref="LapidaryException">The prompt is empty or fills the model's context, an id is outside the vocabulary, an option is
    /// out of range, or memory is insufficient.</exception>
    public IEnumerable<int> Generate(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        return Continue(promptIds, PromptCheck.Limit(promptIds, options, _model.Model.Config), cancellationToken);
    }

    /// <summary>Frees the cache and the recorded steps, after the present step of a text; the text then ends with an
    /// <see cref="ObjectDisposedException"/>. Disposing the model, its adapter or the backend does this too.</summary>
    public void Dispose()
    {
        lock (_step)
        {
            _isDisposed = true;
            _slots.Dispose();
        }

        _model.Model.RemoveUser(this);
    }

    private IEnumerable<int> Continue(IReadOnlyList<int> promptIds, GenerationOptions options, CancellationToken cancellationToken)
    {
        var chosen = new Queue<int>();
        var text = new RunningText(_model, promptIds, options);
        var request = new EngineRequest(text, Keep, caller: "", CancellationToken.None);
        Begin(text);
        while (text.Unstored > 0)
        {
            if (cancellationToken.IsCancellationRequested) yield break;
            Store(text);
        }

        while (!cancellationToken.IsCancellationRequested)
        {
            if (chosen.TryDequeue(out int id)) yield return id;
            else if (!request.HasEnded) Decode(request);
            else break;
        }

        if (request.Done.IsFaulted) request.Done.GetAwaiter().GetResult();

        bool Keep(ChosenToken token)
        {
            chosen.Enqueue(token.Id);
            return true;
        }
    }

    private void Begin(RunningText text)
    {
        lock (_step)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_running is not null) _slots.End(_running); // its reader left
            _running = null;
            _slots.Prepare(_model, text.MaxLength, ReservedLength);
            _slots.Begin(_running = text);
        }
    }

    /// <summary>Stores a piece of the prompt.</summary>
    private void Store(RunningText text)
    {
        lock (_step)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            int count = Math.Min(_piece.Length, text.Unstored);
            for (int i = 0; i < count; i++) _piece[i] = text.Next(i);
            _slots.Steps.Store(_model, _piece.AsSpan(0, count));
            text.AddStored(count);
        }
    }

    private void Decode(EngineRequest request)
    {
        lock (_step)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _choice.Clear();
            _choice.Add(request);
            _choice.Run(_slots.Steps);
        }
    }
}
