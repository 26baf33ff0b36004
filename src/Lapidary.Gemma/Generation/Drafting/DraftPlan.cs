namespace Lapidary.Gemma.Generation.Drafting;

/// <summary>Decides how many guessed tokens of each text a step checks.</summary>
internal static class DraftPlan
{
    /// <summary>Most guessed tokens of a text in a step.</summary>
    public const int MostTokens = 7;

    /// <summary>Most texts of a step for which tokens are guessed. With many texts, rows are no longer cheap.</summary>
    public const int MostTexts = 8;

    /// <summary>How much faster tokens must come, so that noise in the costs decides nothing.</summary>
    private const double LeastGain = 1.02;

    /// <summary>Chooses the numbers with which tokens come fastest: expected tokens of a step by its cost. Guesses are added in the order
    /// of their probabilities.</summary>
    /// <param name="drafts">The texts' guesses.</param>
    /// <param name="mostRows">Most rows of the step, at least one for each text.</param>
    /// <param name="cost">The cost of a step by its rows; null if unknown.</param>
    /// <param name="counts">Receives the number for each text.</param>
    public static void Choose(IReadOnlyList<TextDraft> drafts, int mostRows, Func<int, double?> cost, Span<int> counts)
    {
        counts.Clear();
        if (cost(drafts.Count) is not { } alone) return;
        Span<double> chances = stackalloc double[drafts.Count]; // that a step gets as far as the text's next guess, and it is right
        for (int i = 0; i < drafts.Count; i++) chances[i] = drafts[i].Count > 0 ? drafts[i].Success(0) : 0;
        Span<int> taken = stackalloc int[drafts.Count];
        taken.Clear();
        double tokens = drafts.Count, best = LeastGain * tokens / alone;
        for (int rows = drafts.Count + 1; rows <= mostRows; rows++)
        {
            int text = Likeliest(chances);
            if (chances[text] == 0) return;
            tokens += chances[text];
            int next = ++taken[text];
            chances[text] = next < drafts[text].Count ? chances[text] * drafts[text].Success(next) : 0;
            if (cost(rows) is not { } seconds || tokens / seconds <= best) continue;
            best = tokens / seconds;
            taken.CopyTo(counts);
        }
    }

    private static int Likeliest(ReadOnlySpan<double> chances)
    {
        int best = 0;
        for (int i = 1; i < chances.Length; i++)
            if (chances[i] > chances[best]) best = i;
        return best;
    }
}
