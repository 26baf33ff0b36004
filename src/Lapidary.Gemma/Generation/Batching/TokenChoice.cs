using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A decoding step of some texts, and the choice of the next tokens of each. While there are few texts, the step also checks
/// guesses of further tokens: it computes what follows each guess, and takes it as far as the guesses are what is chosen.</summary>
/// <remarks>A row's bits do not depend on other rows. So the tokens are the same to the bit, however many are guessed.</remarks>
/// <param name="backend">The device.</param>
/// <param name="maxTexts">Most texts.</param>
internal sealed class TokenChoice(IBackend backend, int maxTexts)
{
    private readonly List<EngineRequest> _requests = new(maxTexts);
    private readonly List<TextDraft> _drafts = [];
    private readonly DraftSuccess _success = new();
    private readonly int[] _guessed = new int[maxTexts];
    private readonly int[] _firstRows = new int[maxTexts];
    private readonly bool[] _goesOn = new bool[maxTexts];
    private readonly float[]?[] _logits = new float[maxTexts][];
    private StepToken[] _tokens = [];
    private TokenDraw[] _draws = [];
    private LogitEdits? _edits;
    private int[] _next = [];
    private int _round;

    /// <summary>What steps cost; null to guess nothing. On a GPU nothing is guessed unless asked for: what it gains there, and its captured
    /// steps of many numbers of rows, are not measured.</summary>
    public StepCosts? Costs { get; set; } = backend is CpuBackend ? new() : null;

    /// <summary>Number of texts.</summary>
    public int Count => _requests.Count;

    /// <summary>Removes all texts.</summary>
    public void Clear() => _requests.Clear();

    /// <summary>Adds a text whose prompt is stored, but for the last token. Texts of one model become neighbours, so that a step reads
    /// each adapter once.</summary>
    public void Add(EngineRequest request)
    {
        if (Costs is not null) request.Text.KeepGuesses(_success);
        int place = Count;
        while (place > 0 && _requests[place - 1].Text.Model.Index > request.Text.Model.Index) place--;
        _requests.Insert(place, request);
    }

    /// <summary>Runs the step and passes each text its tokens.</summary>
    public void Run(CachedSteps steps)
    {
        Guess(steps);
        int rows = Lay(steps);
        long started = Stopwatch.GetTimestamp();
        steps.Decode(_tokens.AsSpan(0, rows), _draws.AsSpan(0, rows), _edits!, _next.AsSpan(0, rows));
        Costs?.Add(steps.DecodeRows(rows), Stopwatch.GetElapsedTime(started).TotalSeconds);
        _goesOn.AsSpan(0, Count).Fill(true);
        for (_round = 0; ChooseRound(steps); _round++) { }
    }

    private void Guess(CachedSteps steps)
    {
        _guessed.AsSpan(0, Count).Clear();
        if (Costs is null || Count > DraftPlan.MostTexts || Count >= steps.MaxDecodeRows) return;
        _drafts.Clear();
        foreach (var request in _requests) _drafts.Add(request.Text.Guess());
        DraftPlan.Choose(_drafts, steps.MaxDecodeRows, rows => Costs.Of(steps.DecodeRows(rows)), _guessed);
    }

    /// <summary>Each text's last token and the guesses after it follow each other.</summary>
    /// <returns>Number of rows.</returns>
    private int Lay(CachedSteps steps)
    {
        if (_tokens.Length < steps.MaxDecodeRows)
        {
            _tokens = new StepToken[steps.MaxDecodeRows];
            _draws = new TokenDraw[steps.MaxDecodeRows];
            _next = new int[steps.MaxDecodeRows];
            _edits = steps.NewEdits();
        }

        _edits!.Clear();
        int rows = 0;
        for (int i = 0; i < Count; i++)
        {
            _firstRows[i] = rows;
            _requests[i].Text.AddGuesses(_guessed[i]);
            for (int guess = 0; guess <= _guessed[i]; guess++)
            {
                _draws[rows] = _requests[i].Text.Choice(guess, rows, _edits);
                _tokens[rows++] = _requests[i].Text.Decoded(guess);
            }

            _requests[i].Text.Model.AddGuessed(_guessed[i]);
        }

        return rows;
    }

    /// <summary>Chooses the next token of each text all of whose guesses so far were right.</summary>
    /// <returns>Whether there was one.</returns>
    private bool ChooseRound(CachedSteps steps)
    {
        bool any = false, anyReads = false;
        for (int i = 0; i < Count; i++)
        {
            if (!_goesOn[i]) continue;
            any = true;
            if (!_requests[i].Text.ReadsLogits(_next[_firstRows[i] + _round])) continue;
            anyReads = true;
            steps.ReadLogits(_firstRows[i] + _round, _logits[i] ??= new float[steps.Vocabulary]);
        }

        // Each reads a vocabulary.
        if (anyReads) Parallel.For(0, Count, Choose);
        else for (int i = 0; i < Count; i++) Choose(i);
        for (int i = 0; i < Count; i++) _goesOn[i] = _goesOn[i] && IsGuessRight(i);
        return any;
    }

    /// <summary>Whether the next row of a text begins with the token that was chosen.</summary>
    private bool IsGuessRight(int index)
    {
        bool isRight = _requests[index].Text.CompareGuess() && _round < _guessed[index];
        if (isRight) _requests[index].Text.Model.AddAccepted();
        return isRight && !_requests[index].HasEnded;
    }

    private void Choose(int index)
    {
        if (!_goesOn[index]) return;
        var request = _requests[index];
        try
        {
            request.Add(request.Text.Choose(_next[_firstRows[index] + _round], _logits[index] ?? []));
        }
        catch (Exception e)
        {
            request.Fail(e); // of this text alone
        }
    }
}
