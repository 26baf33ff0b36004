using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Drafting;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The two kinds of steps over a cache of texts: steps that store a prompt's tokens, and steps that store the last token of some
/// texts and choose the next one of each. Every step is recorded once for a number of rows and then replayed with other tokens.</summary>
/// <remarks>
/// <para>A token's keys, values and logits depend only on the tokens before it, on its model and on the kind of its step. They do not
/// depend on other texts, on the slot, or on how a prompt is cut into steps. So a text is the same to the bit, alone or among
/// others.</para>
/// <para>Several models over the same weights (<see cref="SharedSteps"/>) have steps over prompts of their own, as their adapters are part
/// of the products there. A step that decodes is of all of them: each row has the adapter of its text. If all texts are of one model, that
/// model's own step runs, which costs nothing for the others.</para>
/// </remarks>
internal sealed class CachedSteps : IDisposable
{
    /// <summary>Most tokens of one text in a step over prompts. Local layers keep room for them in every slot.</summary>
    /// <remarks>A matter of the cache, the same on all devices. It is a multiple of the pieces in which a GPU has rows, so that one prompt
    /// fills steps.</remarks>
    public const int MaxPieceLength = 512;

    /// <summary>Largest share of the memory that the cache leaves for decoded weights, which prompts of many texts use again and
    /// again.</summary>
    public const double DecodedShare = 0.5;

    /// <summary><see cref="StepToken.Adapter"/> of a step whose rows have different ones, and of a step without adapters.</summary>
    private const int Mixed = -2, None = -1;

    private readonly GemmaModel[] _models;
    private readonly TrainedWeights?[] _trained;
    private readonly GemmaModel[] _recorded;
    private readonly IBackend _backend;
    private readonly KvCache _cache;
    private readonly bool _mayChange;
    private readonly Dictionary<(int Rows, int Adapter), RecordedStep> _decoding = [];
    private readonly Dictionary<(int Rows, int Model), RecordedStep> _prompts = [];
    private readonly Arena? _arena;
    private readonly IDisposable? _decodedWeights;
    private readonly MemoryRegion? _region;
    private readonly Tensor? _edits;
    private RecordedStep? _last;

    /// <summary>Allocates the cache and the memory of all steps of one model.</summary>
    /// <param name="model">The model, with the adapter to use.</param>
    /// <param name="slots">Number of texts.</param>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="counter">A backend that only counts, to know the memory beforehand; null for the model's.</param>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public CachedSteps(GemmaModel model, int slots, int maxLength, IBackend? counter = null) : this([model], slots, maxLength, counter)
    {
    }

    /// <summary>The same for models that can share steps.</summary>
    /// <param name="models">At least one.</param>
    /// <param name="slots">Number of texts of all of them.</param>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="counter">As above.</param>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public CachedSteps(IReadOnlyList<GemmaModel> models, int slots, int maxLength, IBackend? counter = null)
    {
        (_models, _trained, _backend) = ([.. models], [.. models.Select(model => model.Trained)], counter ?? models[0].Backend);
        // Most steps are recorded while texts run. None may have what is attached to a model since.
        _recorded = [.. _models.Select(model => model.ShareWeights())];
        for (int i = 0; i < _recorded.Length; i++) _recorded[i].Attach(_trained[i]);
        _mayChange = _trained.Any(trained => trained is { IsTrainable: true });
        _cache = new KvCache(models[0].Config, _backend, slots, maxLength, Math.Min(MaxPieceLength, maxLength));
        try
        {
            MaxPromptTokens = (int)Math.Min(_backend.EfficientPromptRows, slots * (long)Math.Min(MaxPieceLength, maxLength));
            int promptRows = _backend.PromptRows(MaxPromptTokens);
            for (int i = 0; i < _models.Length; i++) _prompts.Add((promptRows, i), RecordPrompt(i, promptRows));
            MaxDecodeRows = _backend.DecodeRows(Math.Max(slots, Math.Min(1 + DraftPlan.MostTokens, maxLength)));
            _region = new MemoryRegion(_backend.Memory, MemoryOwner.Inputs);
            _edits = _region.New("edits", DType.UInt8, 1 + LogitEdits.RoomFor(MaxDecodeRows), LogitEdit.LengthBytes);
            _backend.Zero(_edits); // no edit
            foreach (int adapter in Shares ? (int[])[None, Mixed] : [None])
                _decoding.Add((MaxDecodeRows, adapter), RecordDecoding(MaxDecodeRows, adapter));
            RecordedStep[] all = [.. _prompts.Values, .. _decoding.Values];
            _arena = new Arena(_backend.Memory, all.Max(step => step.Program.ArenaBytes));
            foreach (var step in all) step.Complete(_backend, _arena);
            if (slots > 1) _decodedWeights = _backend.KeepDecodedWeights((long)(DecodedShare * _backend.Memory.AvailableBytes));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Number of models.</summary>
    public int Models => _models.Length;

    /// <summary>Number of texts.</summary>
    public int Slots => _cache.Slots;

    /// <summary>Most tokens of a step over prompts.</summary>
    public int MaxPromptTokens { get; }

    /// <summary>Most tokens of a step that decodes: one of each text, and guessed ones where texts are few.</summary>
    public int MaxDecodeRows { get; }

    /// <summary>Most tokens of a text.</summary>
    public int MaxLength => _cache.MaxLength;

    private bool Shares => _models.Length > 1;

    /// <summary>Whether the steps are those of a model with what it has attached now.</summary>
    public bool AreOf(StepModel model) => model.Index >= 0 && model.Index < _models.Length
        && ReferenceEquals(_models[model.Index], model.Model) && ReferenceEquals(_trained[model.Index], model.Model.Trained);

    /// <summary>Whether a text can begin with what its slot holds of an earlier one of its model; see <see cref="KvCache.CanContinue"/>.
    /// Weights that have gradients may have been trained since.</summary>
    public bool CanContinue(int length, int stored) => !_mayChange && _cache.CanContinue(length, stored);

    /// <summary>Number of tokens, at most <paramref name="tokens"/>, of a step over prompts whose rows all have one, if there is such a
    /// step: rows without a token cost as much as others.</summary>
    public int FullPromptTokens(int tokens)
    {
        int rows = _backend.PromptRows(tokens), fewest = _backend.PromptRows(1);
        return rows > tokens && rows > fewest ? rows - fewest : tokens;
    }

    /// <summary>Stores tokens of prompts.</summary>
    /// <param name="model">The model of all of them.</param>
    /// <param name="tokens">At most <see cref="MaxPromptTokens"/>, and <see cref="MaxPieceLength"/> of a text; of each text in order, after
    /// those stored already.</param>
    /// <returns>Rows of the step.</returns>
    public int Store(StepModel model, ReadOnlySpan<StepToken> tokens)
    {
        int rows = _backend.PromptRows(tokens.Length);
        if (!_prompts.TryGetValue((rows, model.Index), out var step))
        {
            if (_backend.PromptRows(1) == 1) ForgetPrompts(model.Index);
            _prompts.Add((rows, model.Index), step = Complete(RecordPrompt(model.Index, rows)));
        }

        _last = null;
        step.Run(_backend, tokens);
        return rows;
    }

    /// <summary>Number of rows of a step that decodes some tokens.</summary>
    public int DecodeRows(int tokens) => _backend.DecodeRows(tokens);

    /// <summary>Stores the last token of some texts and chooses the next one of each: the likeliest, or one that is drawn. A text may have
    /// guesses of further tokens, which follow its last token, and what follows each of them is chosen too.</summary>
    /// <param name="tokens">Of each text in order.</param>
    /// <param name="draws">How the token after each is drawn, or <see cref="TokenDraw.None"/>.</param>
    /// <param name="edits">What rules change before.</param>
    /// <param name="next">Receives the ids; −1 where a logit is not finite, <see cref="TokenDraw.Undecided"/> where a draw needs the
    /// logits.</param>
    public void Decode(ReadOnlySpan<StepToken> tokens, ReadOnlySpan<TokenDraw> draws, LogitEdits edits, Span<int> next)
    {
        var kind = (Rows: DecodeRows(tokens.Length), Adapter: Shares ? AdapterOf(tokens) : None);
        if (!_decoding.TryGetValue(kind, out _last)) _decoding.Add(kind, _last = Complete(RecordDecoding(kind.Rows, kind.Adapter)));
        _last.Run(_backend, tokens);
        if (edits.Any)
        {
            _backend.Write(edits.WithHeader, _edits!);
            _last.Editing!.Run(_backend);
        }

        _last.Draw(_backend, draws);
        _backend.Read(_last.Next, next);
    }

    /// <summary>Room for the edits of a step.</summary>
    public LogitEdits NewEdits() => new(Vocabulary, LogitEdits.RoomFor(MaxDecodeRows));

    /// <summary>The logits of a row of the last <see cref="Decode"/>.</summary>
    /// <param name="row">Index of its token.</param>
    /// <param name="logits">[vocabulary].</param>
    public void ReadLogits(int row, Span<float> logits) => _backend.Read(_last!.Logits!.Rows(row, 1), logits);

    /// <summary>Length of a row of logits.</summary>
    public int Vocabulary => checked((int)_recorded[0].Head.Shape[0]);

    /// <summary>Runs the largest steps on no text, so that each operation requests its scratch.</summary>
    public void RunOnce()
    {
        foreach (var step in _prompts.Values) step.RunOnce(_backend);
        foreach (var step in _decoding.Values) step.RunOnce(_backend);
    }

    /// <summary>Frees the cache and the steps.</summary>
    public void Dispose()
    {
        _decodedWeights?.Dispose();
        foreach (var step in _prompts.Values) step.Dispose();
        foreach (var step in _decoding.Values) step.Dispose();
        _region?.Dispose();
        _arena?.Dispose();
        _cache.Dispose();
        foreach (var model in _recorded) model.Dispose();
    }

    private static int AdapterOf(ReadOnlySpan<StepToken> tokens)
    {
        foreach (var token in tokens)
            if (token.Adapter != tokens[0].Adapter) return Mixed;
        return tokens[0].Adapter;
    }

    private RecordedStep Complete(RecordedStep step)
    {
        step.Complete(_backend, _arena!);
        return step;
    }

    /// <summary>Frees a model's steps over prompts: where a step may have any number of rows, each prompt would leave another
    /// one.</summary>
    private void ForgetPrompts(int model)
    {
        foreach (var key in _prompts.Keys.ToArray())
            if (key.Model == model && _prompts.Remove(key, out var step)) step.Dispose();
    }

    private RecordedStep RecordPrompt(int model, int rows)
    {
        var step = new RecordedStep(_backend, rows);
        var tape = new Tape(step.Program, training: false) { IsPrompt = true };
        _recorded[model].Forward(tape, step.InputsOf(_cache));
        return step;
    }

    private RecordedStep RecordDecoding(int rows, int adapter)
    {
        var step = new RecordedStep(_backend, rows, hasAdapters: adapter == Mixed);
        var tape = new Tape(step.Program, training: false) { HasIndependentRows = true };
        var model = _recorded[Math.Max(adapter, 0)];
        var adapters = Shares && adapter < 0 ? new StepAdapters(_trained, step.Adapters) : null;
        var logits = model.Logits(tape, model.Forward(tape, step.InputsOf(_cache, adapters)));
        step.Choose(_backend, tape, logits, _edits!);
        return step;
    }
}
