namespace Lapidary.Formats;

/// <summary>Finds the probable meaning of a misspelt name.</summary>
internal static class NearestName
{
    private const int MaxLength = 200;

    /// <summary>The known name with the smallest edit distance, or null if none is close: within a third of its
    /// length, or two characters of a longer name.</summary>
    public static string? Of(string typed, IEnumerable<string> known)
    {
        if (typed.Length > MaxLength) return null;
        string? best = null;
        int min = int.MaxValue;
        string word = typed.ToLowerInvariant();
        foreach (string name in known)
        {
            int distance = Distance(word, name.ToLowerInvariant());
            if (distance < min) (best, min) = (name, distance);
        }

        return best is not null && min <= Math.Max(2, best.Length / 3) && min < best.TrimStart('-').Length ? best : null;
    }

    /// <summary>Levenshtein's distance: insertions, deletions and replacements.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j - 1], row[j]));
            }
        }

        return row[^1];
    }
}
