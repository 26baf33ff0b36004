using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Drafting;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Sampling;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A text during its generation: its prompt, the part of it that is stored, and its last token.</summary>
/// <param name="model">The model that continues it.</param>
/// <param name="prompt">At least one id.</param>
/// <param name="options">Limits and sampling.</param>
/// <param name="topLogProbs">Number of likeliest tokens whose probabilities the caller wants, besides that of the chosen one; null for
/// no probabilities.</param>
internal sealed class RunningText(StepModel model, IReadOnlyList<int> prompt, GenerationOptions options, int? topLogProbs = null)
{
    private readonly Sampler? _sampler = Sampler.IsFor(options) ? new Sampler(options, prompt) : null;
    private readonly FormedText? _formed = options.Form is { } form ? new FormedText(form, options.StopTokenIds) : null;
    private int _length;
    private int _last = prompt[^1];
    private TextDraft? _draft;
    private int _row;
    private int _rowsChosenThere;

    /// <summary>The model that continues it.</summary>
    public StepModel Model => model;

    /// <summary>The ids before the first new token.</summary>
    public IReadOnlyList<int> Prompt => prompt;

    /// <summary>The slot of the cache that it has; null before it begins.</summary>
    public TextSlot? Slot { get; private set; }

    /// <summary>Most tokens of prompt and text together.</summary>
    public int MaxLength => checked(prompt.Count + options.MaxNewTokens);

    /// <summary>Number of new tokens.</summary>
    public int NewTokens { get; private set; }

    /// <summary>Whether the device chooses the next token by the sampler's options.</summary>
    private bool IsChosenThere => _row < _rowsChosenThere;

    /// <summary>How the device chooses a token of the next decoding step, if not the likeliest. What rules change after a guess is not
    /// known yet, so the host applies them to rows of guesses.</summary>
    /// <param name="guess">As for <see cref="Decoded"/>, in order.</param>
    /// <param name="row">The token's row of logits.</param>
    /// <param name="room">Receives what rules change.</param>
    public TokenDraw Choice(int guess, int row, LogitEdits room)
    {
        if (guess == 0)
        {
            bool mayBe = _sampler is not null && topLogProbs is null && _formed is null;
            (_row, _rowsChosenThere) = (0, !mayBe ? 0 : !_sampler!.HasRules ? int.MaxValue : room.TryAdd(_sampler, row) ? 1 : 0);
        }

        return guess < _rowsChosenThere ? _sampler!.DrawAfter(guess, room.Vocabulary) : TokenDraw.None;
    }

    /// <summary>Whether the choice of a token needs its logits.</summary>
    /// <param name="chosen">From <see cref="CachedSteps.Decode"/>.</param>
    public bool ReadsLogits(int chosen) => IsChosenThere
        ? chosen == TokenDraw.Undecided
        : _sampler is not null || topLogProbs is not null || _formed?.Allows(chosen) == false;

    /// <summary>Probabilities of the last token, if the caller wants them.</summary>
    public TokenLogProbs? LastLogProbs { get; private set; }

    /// <summary>Number of prompt tokens that are not stored yet. The last one is stored by the step that chooses the first new
    /// token.</summary>
    public int Unstored => Math.Max(0, prompt.Count - 1 - _length);

    /// <summary>A token of the next decoding step.</summary>
    /// <param name="guess">0 for the last token; i for the i-th guess of those that follow.</param>
    public StepToken Decoded(int guess) =>
        new(Slot!.Index, _length + guess, guess == 0 ? _last : _draft![guess - 1], model.Adapter);

    /// <summary>The id at a place of the prompt that is not stored yet, counted from the first such one.</summary>
    public StepToken Next(int index) =>
        new(Slot!.Index, _length + index, prompt[_length + index], model.Adapter);

    /// <summary>Takes a slot and uses what it has stored already.</summary>
    /// <returns>Number of prompt tokens that need no computation.</returns>
    public int Begin(TextSlot slot, CachedSteps steps)
    {
        Slot = slot;
        _length = slot.Cached(this, steps);
        slot.Begin(this, _length);
        return _length;
    }

    /// <summary>Notes that a step has stored tokens of the prompt.</summary>
    public void AddStored(int tokens)
    {
        _length += tokens;
        Slot!.AddPrompted(tokens);
    }

    /// <summary>From now on its tokens can be guessed.</summary>
    /// <param name="others">How good guesses for other texts were.</param>
    public void KeepGuesses(DraftSuccess others) => _draft ??= new TextDraft(prompt, others);

    /// <summary>Guesses the next tokens, at most as many as may follow the one that is chosen without them.</summary>
    public TextDraft Guess()
    {
        _draft!.Guess(Math.Min(DraftPlan.MostTokens, options.MaxNewTokens - NewTokens - 1), options.StopTokenIds);
        return _draft;
    }

    /// <summary>Notes that the next decoding step stores guessed tokens too.</summary>
    public void AddGuesses(int tokens) => Slot!.AddGuesses(tokens);

    /// <summary>Compares the token that was just chosen with its guess.</summary>
    /// <returns>Whether they are the same.</returns>
    public bool CompareGuess() => _draft?.Add(_last) ?? false;

    /// <summary>Chooses the next token after a decoding step.</summary>
    /// <param name="chosen">From <see cref="CachedSteps.Decode"/>.</param>
    /// <param name="logits">Of the step, if <see cref="ReadsLogits"/>; changed in place.</param>
    /// <returns>The id; null if the text has ended at a stop token.</returns>
    /// <exception cref="LapidaryException">The logits are not finite, or no token continues the text in its form.</exception>
    public int? Choose(int chosen, Span<float> logits)
    {
        _length++;
        Slot!.AddDecoded();
        if (chosen < 0 && chosen != TokenDraw.Undecided)
        {
            throw new LapidaryException(
                $"The logits after {_length} tokens are not finite, so no token follows; {Divergence.Explain(model.Model)}");
        }

        bool changes = LogitsRules.AreIn(options) || _formed is not null;
        float[]? unruled = topLogProbs is not null && changes ? logits.ToArray() : null;
        _last = Pick(chosen, logits);
        _row++;
        if (topLogProbs is { } top) LastLogProbs = TokenLogProbs.Of(unruled ?? logits, _last, top);
        if (options.StopTokenIds.Contains(_last)) return null;
        _formed?.Add(_last);
        NewTokens++;
        return _last;
    }

    private int Pick(int chosen, Span<float> logits)
    {
        if (IsChosenThere) return chosen == TokenDraw.Undecided ? _sampler!.NextOfEdited(logits) : _sampler!.Take(chosen);
        if (_sampler is not null) return _sampler.Next(logits, _formed);
        if (_formed is null || _formed.Allows(chosen)) return chosen;
        _formed.Mask(logits);
        return LogitScan.Largest(logits);
    }

    /// <summary>Whether the text has its most tokens.</summary>
    public bool IsFull => NewTokens == options.MaxNewTokens;
}
