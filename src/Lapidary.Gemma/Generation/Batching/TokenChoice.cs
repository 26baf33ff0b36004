namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A decoding step of some texts, and the choice of the next token of each.</summary>
/// <param name="model">The model.</param>
/// <param name="maxTexts">Most texts.</param>
internal sealed class TokenChoice(GemmaModel model, int maxTexts)
{
    private readonly List<EngineRequest> _requests = new(maxTexts);
    private readonly StepToken[] _tokens = new StepToken[maxTexts];
    private readonly int[] _next = new int[maxTexts];
    private readonly float[]?[] _logits = new float[maxTexts][];

    /// <summary>Number of texts.</summary>
    public int Count => _requests.Count;

    /// <summary>Removes all texts.</summary>
    public void Clear() => _requests.Clear();

    /// <summary>Adds a text whose prompt is stored, but for the last token.</summary>
    public void Add(EngineRequest request)
    {
        _tokens[Count] = request.Text.Last;
        _requests.Add(request);
    }

    /// <summary>Runs the step and passes each text its token.</summary>
    public void Run(CachedSteps steps)
    {
        steps.Decode(_tokens.AsSpan(0, Count), _next.AsSpan(0, Count));
        bool anyReads = false;
        for (int row = 0; row < Count; row++)
        {
            if (!_requests[row].Text.ReadsLogits) continue;
            anyReads = true;
            steps.ReadLogits(row, _logits[row] ??= new float[steps.Vocabulary]);
        }

        // Sampling sorts a vocabulary for each text.
        if (anyReads) Parallel.For(0, Count, Choose);
        else for (int row = 0; row < Count; row++) Choose(row);
    }

    private void Choose(int row)
    {
        var request = _requests[row];
        try
        {
            request.Add(request.Text.Choose(_next[row], _logits[row] ?? [], model));
        }
        catch (Exception e)
        {
            request.Fail(e); // of this text alone
        }
    }
}
