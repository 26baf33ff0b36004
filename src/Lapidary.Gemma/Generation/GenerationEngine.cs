using Lapidary.Formats;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma;

/// <summary>Generates many texts at once (continuous batching), for any number of callers. A text has the same ids, to the bit, alone or
/// among others.</summary>
/// <remarks>
/// <para>Texts join and leave between steps. In a turn the engine admits waiting texts, stores the next tokens of their prompts, and
/// decodes one token of each text whose prompt is stored. So a long prompt delays the others by one step at a time.</para>
/// <para>While few texts run, a turn may decode several tokens of a text: those that follow where the same words stand earlier in it are
/// guessed, and one step checks them all. No token depends on a guess.</para>
/// <para>A prompt that begins like an earlier one, whose slot is free, is computed only from the first difference on.</para>
/// <para>Engines of several adapters over one base can share their steps (<see cref="Join"/>): then texts of the base and of the adapters
/// are decoded together.</para>
/// <para>Other engines of a backend take turns, because a backend's scratch memory supports one computation at a time. The engine's thread
/// ends when no text is left.</para>
/// </remarks>
public sealed class GenerationEngine : IDisposable
{
    private readonly TextTurns _turns;
    private readonly StepModel _model;

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
        _model = new StepModel(model);
        _turns = new TextTurns(_model, maxTexts, prepared);
        model.AddUser(this);
    }

    private GenerationEngine(GemmaModel model, GenerationEngine joined)
    {
        (_model, _turns) = (new StepModel(model), joined._turns);
        _turns.Add(_model, joined._model);
        model.AddUser(this);
    }

    /// <summary>The model.</summary>
    public GemmaModel Model => _model.Model;

    /// <summary>Most texts at a time, of all engines that share steps.</summary>
    public int MaxTexts => _turns.MaxTexts;

    /// <summary>Most texts that may wait. One more is refused.</summary>
    public int MaxWaiting
    {
        get => _turns.MaxWaiting;
        init => _turns.MaxWaiting = value;
    }

    /// <summary>Tokens of prompt and text that the first cache has room for, if longer texts may follow.</summary>
    public int ReservedLength
    {
        get => _turns.ReservedLength;
        init => _turns.ReservedLength = value;
    }

    /// <summary>Whether tokens are guessed while few texts run, and checked several at a time; the default on the CPU. No bits depend on
    /// it, only speed.</summary>
    public bool GuessesTokens
    {
        get => _turns.Choice.Costs is not null;
        init => _turns.Choice.Costs = value ? new StepCosts() : null;
    }

    /// <summary>What steps cost, instead of what is measured.</summary>
    internal StepCosts StepCosts
    {
        init => _turns.Choice.Costs = value;
    }

    /// <summary>Guessed tokens that were checked, and those of them that were right.</summary>
    internal (long Guessed, long Accepted) Guesses => _model.Guesses;

    /// <summary>Number of caches of the device that are to divide its free memory evenly.</summary>
    internal int Sharers
    {
        set => _turns.Slots.MemoryShare = TextSlots.ShareOf(value);
    }

    /// <summary>The same object for all engines that share steps.</summary>
    internal object Together => _turns;

    /// <summary>Number of texts that run, and of those that wait, at about this moment.</summary>
    internal (int Running, int Waiting) Load => _turns.LoadOf(_model);

    /// <summary>Number of texts that the cache has room for, at most <see cref="MaxTexts"/>; 0 before the first text. To be read while no
    /// text runs.</summary>
    internal int TextsAtOnce => _turns.Slots.Count;

    /// <summary>Whether texts of another model can run in the steps of this engine: both are over the same weights
    /// (<see cref="GemmaModel.ShareWeights"/>), and each is the base or has an adapter that is LoRA alone, without an embedding or a head
    /// of its own, and is not trained.</summary>
    /// <param name="model">The other model, with its adapter attached.</param>
    public bool CanJoin(GemmaModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return SharedSteps.Obstacle(Model, model) is null;
    }

    /// <summary>Creates an engine of another model whose texts run in this engine's steps, beside this one's: each text has its model's
    /// adapter, and the same ids as in an engine of its own. Both use one cache and have one number of texts. The settings are this
    /// engine's.</summary>
    /// <remarks>Join all models before the first text. Later, the cache is made anew when no text runs.</remarks>
    /// <param name="model">The other model, with its adapter attached. Dispose the new engine before it.</param>
    /// <exception cref="LapidaryException">They cannot share steps; see <see cref="CanJoin"/>.</exception>
    public GenerationEngine Join(GemmaModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new GenerationEngine(model, this);
    }

    /// <summary>Allocates the cache before the first text.</summary>
    /// <param name="maxLength">Most tokens of a prompt and its text.</param>
    /// <returns>Number of texts of that length at a time, at most <see cref="MaxTexts"/>.</returns>
    /// <exception cref="LapidaryException">Not enough memory for a single text.</exception>
    internal int Prepare(int maxLength) => _turns.Prepare(_model, maxLength);

    /// <summary>Continues a prompt until a stop token, the limit, or the caller ends it.</summary>
    /// <param name="promptIds">At least one id; must not change meanwhile.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="onToken">Receives each new id in order and returns whether to continue. It must be fast, because other texts wait for
    /// it, and must not wait for an engine of the backend. Null to receive the ids at the end alone.</param>
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
        var request = new EngineRequest(new RunningText(_model, promptIds, options, topLogProbs), onToken, caller, cancellationToken);
        _turns.Add(request);
        return request.Done;
    }

    /// <summary>Ends all texts of this engine after the current turn. The last of the engines that share steps frees the cache. Disposing
    /// the model, its adapter or the backend does this too.</summary>
    /// <remarks>In a token callback it does not wait: the texts end, and the cache is freed, soon after the callback has
    /// returned.</remarks>
    public void Dispose()
    {
        if (_turns.Remove(_model)) Model.RemoveUser(this); // else the model, when it is disposed, still has to wait for it
    }
}
