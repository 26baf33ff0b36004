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
        ["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP", "EXPLAIN", "PRAGMA"];

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
        int end = close < 0 ? text.Length : close;
        bool hasLanguage = SkipInfo(text, end, ref inside);
        string before = text[..at].Trim(), block = text[inside..end].Trim();
        if (hasLanguage || at == 0) return block;

        // A fence without a language after SQL: the prompt had the opening one. But "Select all ids:" is no SQL.
        bool isAfterSql = StartsWithVerb(before) && !before.EndsWith(':');
        if (close < 0) return !isAfterSql && StartsWithVerb(block) ? block : before;
        bool isWhole = StartsWithVerb(block) && !block.EndsWith(':') && EndsLine(text, close + fence.Length);
        return !isAfterSql || (isWhole && !before.EndsWith(';')) ? block : before;
    }

    /// <summary>Whether a text's first word is a verb of SQL; "Update: this is it" and "create.sql" are other words.</summary>
    private static bool StartsWithVerb(string text)
    {
        string start = text[..Math.Min(text.Length, 200)];
        var first = SqlTokenizer.Tokens(start).SkipWhile(token => token.IsSymbol("(")).FirstOrDefault(SqlToken.None);
        return Array.Exists(Verbs, first.Is) && (first.End >= start.Length || start[first.End] is not (':' or '.'));
    }

    private static bool EndsLine(string text, int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t') at++;
        return at >= text.Length || text[at] is '\n' or '\r';
    }

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

    /// <summary>Skips what says in which language a block is: the rest of the fence's line, or one known word before SQL.</summary>
    /// <returns>Whether it names a language.</returns>
    private static bool SkipInfo(string text, int end, ref int at)
    {
        if (StartsWithVerb(text[at..end])) return false;
        int line = text.AsSpan(at, end - at).IndexOfAny('\n', '\r'), start = at;
        while (start < end && text[start] is ' ' or '\t' or '{' or '.') start++;
        int after = start;
        while (after < end && (char.IsAsciiLetterOrDigit(text[after]) || text[after] is '-' or '_' or '+')) after++;
        bool isKnown = Languages.Contains(text[start..after]), isAtOnce = start == at;
        bool isLineOfOneWord = line >= 0 && after > start && text[after..(at + line)].Trim(' ', '\t', '}').Length == 0;
        if (line >= 0 && !(isKnown && StartsWithVerb(text[after..end]))) at += line;
        else if (isKnown) at = after;
        return (isKnown && (isAtOnce || isLineOfOneWord)) || (isAtOnce && isLineOfOneWord);
    }
}
