using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Drafting;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>The two kinds of steps over a cache of texts: steps that store a prompt's tokens, and steps that store the last token of some
/// texts and choose the next one of each. Every step is recorded once for a number of rows and then replayed with other tokens.</summary>
/// <remarks>A token's keys, values and logits depend only on the tokens before it and on the kind of its step. They do not depend on other
/// texts, on the slot, or on how a prompt is cut into steps. So a text is the same to the bit, alone or among others.</remarks>
internal sealed class CachedSteps : IDisposable
{
    /// <summary>Most tokens of a step over prompts. Longer steps gain little speed and make other texts wait.</summary>
    public const int MaxPromptStep = 512;

    /// <summary>Largest share of the memory that the cache leaves for decoded weights, which prompts of many texts use again and
    /// again.</summary>
    public const double DecodedShare = 0.5;

    private readonly GemmaModel _model;
    private readonly IBackend _backend;
    private readonly KvCache _cache;
    private readonly bool _mayChange;
    private readonly Dictionary<int, Step> _decoding = [];
    private readonly Arena? _arena;
    private readonly IDisposable? _decodedWeights;
    private readonly MemoryRegion? _region;
    private readonly Tensor? _edits;
    private Step? _prompt;
    private Step? _last;

    /// <summary>Allocates the cache and the memory of all steps.</summary>
    /// <param name="model">The model, with the adapter to use.</param>
    /// <param name="slots">Number of texts.</param>
    /// <param name="maxLength">Most tokens of a text.</param>
    /// <param name="counter">A backend that only counts, to know the memory beforehand; null for the model's.</param>
    /// <exception cref="LapidaryException">Not enough memory.</exception>
    public CachedSteps(GemmaModel model, int slots, int maxLength, IBackend? counter = null)
    {
        (_model, _backend, Trained) = (model, counter ?? model.Backend, model.Trained);
        _mayChange = Trained?.IsTrainable ?? false;
        _cache = new KvCache(model.Config, _backend, slots, maxLength, Math.Min(MaxPromptStep, maxLength));
        try
        {
            _prompt = RecordPrompt(_backend.PromptRows((int)Math.Min(MaxPromptStep, (long)slots * maxLength)));
            MaxDecodeRows = _backend.DecodeRows(Math.Max(slots, Math.Min(1 + DraftPlan.MostTokens, maxLength)));
            _region = new MemoryRegion(_backend.Memory, MemoryOwner.Inputs);
            _edits = _region.New("edits", DType.UInt8, 1 + LogitEdits.RoomFor(MaxDecodeRows), LogitEdit.LengthBytes);
            _backend.Zero(_edits); // no edit
            var largest = RecordDecoding(MaxDecodeRows);
            _decoding.Add(largest.Rows, largest);
            _arena = new Arena(_backend.Memory, Math.Max(_prompt.Program.ArenaBytes, largest.Program.ArenaBytes));
            Complete(_prompt);
            Complete(largest);
            if (slots > 1) _decodedWeights = _backend.KeepDecodedWeights((long)(DecodedShare * _backend.Memory.AvailableBytes));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The adapter or trained weights that the steps use.</summary>
    public TrainedWeights? Trained { get; }

    /// <summary>Number of texts.</summary>
    public int Slots => _cache.Slots;

    /// <summary>Most tokens of a step that decodes: one of each text, and guessed ones where texts are few.</summary>
    public int MaxDecodeRows { get; }

    /// <summary>Most tokens of a text.</summary>
    public int MaxLength => _cache.MaxLength;

    /// <summary>Whether a text can begin with what its slot holds of an earlier one; see <see cref="KvCache.CanContinue"/>. Weights that
    /// have gradients may have been trained since.</summary>
    public bool CanContinue(int length, int stored) => !_mayChange && _cache.CanContinue(length, stored);

    /// <summary>Stores tokens of prompts.</summary>
    /// <param name="tokens">At most <see cref="MaxPromptStep"/>; of each text in order, after those stored already.</param>
    public void Store(ReadOnlySpan<StepToken> tokens)
    {
        int rows = _backend.PromptRows(tokens.Length);
        if (_prompt!.Rows != rows)
        {
            _prompt.Dispose();
            _prompt = Complete(RecordPrompt(rows));
        }

        _last = null;
        _prompt.Run(_backend, tokens);
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
        int rows = DecodeRows(tokens.Length);
        if (!_decoding.TryGetValue(rows, out _last)) _decoding.Add(rows, _last = Complete(RecordDecoding(rows)));
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
    public int Vocabulary => checked((int)_model.Head.Shape[0]);

    /// <summary>Runs the largest steps on no text, so that each operation requests its scratch.</summary>
    public void RunOnce()
    {
        _prompt!.Program.Run(_backend);
        var largest = _decoding[MaxDecodeRows];
        largest.Program.Run(_backend);
        largest.Editing!.Run(_backend);
        largest.Drawing!.Run(_backend);
    }

    /// <summary>Frees the cache and the steps.</summary>
    public void Dispose()
    {
        _decodedWeights?.Dispose();
        _prompt?.Dispose();
        foreach (var step in _decoding.Values) step.Dispose();
        _region?.Dispose();
        _arena?.Dispose();
        _cache.Dispose();
    }

    private Step Complete(Step step)
    {
        if (step.Program.ArenaBytes <= _arena!.LengthBytes) step.Program.Complete(_arena);
        else step.Program.Complete(_backend.Memory);
        step.Editing?.Complete(_arena); // they have no buffers
        step.Drawing?.Complete(_arena);
        return step;
    }

    private Step RecordPrompt(int rows)
    {
        var step = new Step(_backend, rows);
        var tape = new Tape(step.Program, training: false);
        _model.Forward(tape, step.InputsOf(_cache));
        return step;
    }

    private Step RecordDecoding(int rows)
    {
        var step = new Step(_backend, rows);
        var tape = new Tape(step.Program, training: false) { HasIndependentRows = true };
        var logits = _model.Logits(tape, _model.Forward(tape, step.InputsOf(_cache)));
        step.Choose(_backend, tape, logits, _edits!);
        return step;
    }

    /// <summary>A recorded step over some rows.</summary>
    private sealed class Step : IDisposable
    {
        private readonly MemoryRegion _region;
        private readonly Tensor _inputs;
        private readonly int[] _values;
        private TokenDraw[] _draws = [];
        private Tensor? _drawn;

        public Step(IBackend backend, int rows)
        {
            Rows = rows;
            Program = new StepProgram(backend);
            _values = new int[3 * rows];
            _region = new MemoryRegion(backend.Memory, MemoryOwner.Inputs);
            _inputs = _region.New("step_inputs", DType.Int32, 3, rows);
            Next = _region.New("next_ids", DType.Int32, rows);
        }

        public int Rows { get; }

        public StepProgram Program { get; }

        /// <summary>Edits the logits and chooses the likeliest ids again, which only steps with edits run; null as the next.</summary>
        public StepProgram? Editing { get; private set; }

        /// <summary>Replaces the likeliest ids by drawn ones. A program of its own, which only steps with draws run; null for steps over
        /// prompts.</summary>
        public StepProgram? Drawing { get; private set; }

        /// <summary>Int32 [rows].</summary>
        public Tensor Next { get; }

        /// <summary>fp32 [rows, vocabulary].</summary>
        public Tensor? Logits { get; private set; }

        /// <summary>Slots, positions and ids lie in one tensor, so that a step needs one copy.</summary>
        public CachedInputs InputsOf(KvCache cache) => new(cache, Ids: Row(2), Positions: Row(1), Slots: Row(0));

        public void Choose(IBackend backend, Tape tape, Tensor logits, Tensor edits)
        {
            Logits = logits;
            tape.Run(ops => ops.ArgMax(logits, Next));
            Program.Keep(logits);
            _draws = new TokenDraw[Rows];
            var drawn = _drawn = _region.New("draws", DType.UInt8, Rows, TokenDraw.LengthBytes);
            Editing = new StepProgram(backend);
            Editing.Add(ops => ops.EditLogits(logits, edits));
            Editing.Add(ops => ops.ArgMax(logits, Next));
            Drawing = new StepProgram(backend);
            Drawing.Add(ops => ops.Draw(logits, drawn, Next));
        }

        public void Run(IBackend backend, ReadOnlySpan<StepToken> tokens)
        {
            for (int i = 0; i < Rows; i++)
            {
                var token = i < tokens.Length ? tokens[i] : StepToken.None;
                (_values[i], _values[Rows + i], _values[2 * Rows + i]) = (token.Slot, token.Position, token.Id);
            }

            backend.Write<int>(_values, _inputs);
            Program.Run(backend);
        }

        /// <summary>Draws the next tokens of those rows that are drawn.</summary>
        public void Draw(IBackend backend, ReadOnlySpan<TokenDraw> draws)
        {
            bool any = false;
            for (int i = 0; i < Rows; i++)
            {
                _draws[i] = i < draws.Length ? draws[i] : TokenDraw.None;
                any |= _draws[i].Draws;
            }

            if (!any) return;
            backend.Write<TokenDraw>(_draws, _drawn!);
            Drawing!.Run(backend);
        }

        public void Dispose()
        {
            Editing?.Dispose();
            Drawing?.Dispose();
            Program.Dispose();
            _region.Dispose();
        }

        private Tensor Row(int row) => _inputs.Rows(row, 1);
    }
}
