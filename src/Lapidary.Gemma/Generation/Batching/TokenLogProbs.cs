namespace Lapidary.Gemma.Generation.Batching;

/// <summary>Natural logarithms of probabilities of the tokens at one place of a text, before temperature and other rules.</summary>
/// <param name="Chosen">Of the chosen token.</param>
/// <param name="Top">The likeliest tokens, the smaller id first among equals.</param>
internal sealed record TokenLogProbs(double Chosen, IReadOnlyList<(int Id, double LogProb)> Top)
{
    /// <summary>Computes them from logits.</summary>
    /// <param name="logits">[vocabulary], finite.</param>
    /// <param name="chosen">The chosen token.</param>
    /// <param name="top">Number of likeliest tokens.</param>
    public static TokenLogProbs Of(ReadOnlySpan<float> logits, int chosen, int top)
    {
        float largest = float.NegativeInfinity;
        foreach (float logit in logits) largest = Math.Max(largest, logit);
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - largest);
        double logSum = largest + Math.Log(sum);

        // The least of those that are kept comes first.
        var kept = new PriorityQueue<int, (float Logit, int Id)>();
        for (int id = 0; id < logits.Length && top > 0; id++)
        {
            if (kept.Count < top) kept.Enqueue(id, (logits[id], -id));
            else if (kept.TryPeek(out _, out var least) && logits[id] > least.Logit) kept.EnqueueDequeue(id, (logits[id], -id));
        }

        var likeliest = new (int Id, double LogProb)[kept.Count];
        for (int i = likeliest.Length - 1; i >= 0; i--)
        {
            int id = kept.Dequeue();
            likeliest[i] = (id, logits[id] - logSum);
        }

        return new(logits[chosen] - logSum, likeliest);
    }
}
