namespace Lapidary.Cli.Evaluation;

/// <summary>McNemar's exact test: whether two sets of answers to the same rows differ by more than chance.</summary>
internal static class McNemar
{
    /// <summary>The probability of so uneven a split of the changed rows, or a more uneven one, if a change in either direction is equally
    /// likely: twice the tail of a binomial distribution.</summary>
    /// <param name="fixedRows">Rows right only after.</param>
    /// <param name="brokenRows">Rows right only before.</param>
    public static double PValue(int fixedRows, int brokenRows)
    {
        int changed = fixedRows + brokenRows, fewer = Math.Min(fixedRows, brokenRows);
        if (fixedRows == brokenRows) return 1;

        // Logarithms, because 2 to the power of thousands is no double.
        double log = -changed * Math.Log(2), tail = Math.Exp(log);
        for (int i = 1; i <= fewer; i++)
        {
            log += Math.Log(changed - i + 1) - Math.Log(i);
            tail += Math.Exp(log);
        }

        return Math.Min(1, 2 * tail);
    }
}
