namespace Lapidary.TextToSql.Queries;

/// <summary>The SQL in what a model wrote.</summary>
internal static class AnswerText
{
    private static readonly string[] Fences = ["```", "~~~"];

    private static readonly HashSet<string> Languages = new(StringComparer.OrdinalIgnoreCase)
    {
        "sql", "sqlite", "sqlite3", "mysql", "postgresql", "postgres", "pgsql", "tsql", "plsql", "text", "txt", "plaintext", "query",
    };

    private static readonly string[] Verbs =
        ["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP", "EXPLAIN"];

    /// <summary>The first fenced block, where there is one: what stands before and after it is not part of the answer. A fence that
    /// closes what the prompt opened ends the answer too.</summary>
    public static string Sql(string? answer)
    {
        string text = (answer ?? "").Trim();
        int at = FirstFence(text, out string fence);
        if (at < 0) return text;
        int inside = at;
        while (inside < text.Length && text[inside] == fence[0]) inside++;
        fence = text[at..inside];
        int close = text.IndexOf(fence, inside, StringComparison.Ordinal);
        bool hasLanguage = SkipLanguage(text, ref inside);

        // A fence without a language, after SQL or alone: the prompt had the opening one.
        if (!hasLanguage && at > 0 && (close < 0 || StartsWithVerb(text))) return text[..at].Trim();
        return text[Math.Min(inside, close < 0 ? text.Length : close)..(close < 0 ? text.Length : close)].Trim();
    }

    private static bool StartsWithVerb(string text) =>
        SqlTokenizer.Tokens(text[..Math.Min(text.Length, 100)]) is [var first, ..] && Array.Exists(Verbs, first.Is);

    private static int FirstFence(string text, out string fence)
    {
        fence = "";
        int first = -1;
        foreach (string candidate in Fences)
        {
            int at = text.IndexOf(candidate, StringComparison.Ordinal);
            if (at < 0 || (first >= 0 && at > first)) continue;
            (first, fence) = (at, candidate);
        }

        return first;
    }

    private static bool SkipLanguage(string text, ref int at)
    {
        int end = at;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] is '-' or '_' or '+')) end++;
        bool endsLine = end >= text.Length || text[end] is '\n' or '\r';
        string word = text[at..end];
        if (word.Length == 0 || !(Languages.Contains(word) || (endsLine && end < text.Length))) return false;
        at = end;
        return true;
    }
}
