namespace Lapidary.Formats;

/// <summary>Finds the probable meaning of a misspelt name.</summary>
internal static class NearestName
{
    private const int MaxLength = 200;

    /// <summary>The known name with the smallest edit distance, in any case; null if none is close. One edit in three letters of the name
    /// is close, so a name of two letters is only found under its own letters.</summary>
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

        return best is not null && min <= best.TrimStart('-').Length / 3 ? best : null;
    }

    /// <summary>The number of edits: insertions, deletions, replacements, and exchanges of neighbours.</summary>
    private static int Distance(string a, string b)
    {
        int[] before = [], row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] next = new int[b.Length + 1];
            next[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                next[j] = Math.Min(replaced, 1 + Math.Min(row[j], next[j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = Math.Min(next[j], before[j - 2] + 1);
            }

            (before, row) = (row, next);
        }

        return row[^1];
    }
}
