namespace Lapidary.TextToSql.Queries;

/// <summary>Cuts SQL into tokens by SQLite's rules. It never fails: what is not closed goes to the end.</summary>
internal static class SqlTokenizer
{
    private static readonly string[] PairedSymbols = ["<=", ">=", "<>", "!=", "==", "||", "<<", ">>", "->"];

    /// <summary>The tokens of a text of one or many statements.</summary>
    public static List<SqlToken> Tokens(string sql)
    {
        var tokens = new List<SqlToken>();
        int depth = 0, at = 0;
        while (at < sql.Length)
        {
            int start = at;
            char c = sql[at];
            if (IsBlank(c))
            {
                at++;
                continue;
            }

            if (Starts(sql, at, "--") || Starts(sql, at, "/*"))
            {
                at = EndOfComment(sql, at);
                continue;
            }

            var (kind, value) = Next(sql, ref at);
            if (kind == SqlTokenKind.Symbol && value == ")") depth = Math.Max(0, depth - 1);
            tokens.Add(new SqlToken(kind, value, start, at, depth));
            if (kind == SqlTokenKind.Symbol && value == "(") depth++;
        }

        return tokens;
    }

    private static (SqlTokenKind Kind, string Value) Next(string sql, ref int at)
    {
        int start = at;
        char c = sql[at];
        switch (c)
        {
            case '\'':
                return (SqlTokenKind.Text, Quoted(sql, ref at, '\''));
            case '"' or '`':
                return (SqlTokenKind.QuotedName, Quoted(sql, ref at, c));
            case '[':
                int close = sql.IndexOf(']', at);
                at = close < 0 ? sql.Length : close + 1;
                return (SqlTokenKind.QuotedName, sql[(start + 1)..(close < 0 ? at : close)]);
            case 'x' or 'X' when Starts(sql, at + 1, "'"):
                at++;
                return (SqlTokenKind.Blob, Quoted(sql, ref at, '\''));
            case '?' or ':' or '@' or '$' or '#':
                at = SkipWord(sql, at + 1);
                return (SqlTokenKind.Parameter, sql[start..at]);
        }

        if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < sql.Length && char.IsAsciiDigit(sql[at + 1])))
        {
            at = EndOfNumber(sql, at);
            return (SqlTokenKind.Number, sql[start..at]);
        }

        if (IsWordCharacter(c))
        {
            at = SkipWord(sql, at);
            return (SqlTokenKind.Word, sql[start..at]);
        }

        at += Array.Exists(PairedSymbols, pair => Starts(sql, start, pair)) ? 2 : 1;
        return (SqlTokenKind.Symbol, sql[start..at]);
    }

    /// <summary>What stands between quotes, of which two stand for one.</summary>
    private static string Quoted(string sql, ref int at, char quote)
    {
        int start = at + 1;
        for (at = start; at < sql.Length; at++)
        {
            if (sql[at] != quote) continue;
            if (at + 1 < sql.Length && sql[at + 1] == quote) at++;
            else break;
        }

        string inner = sql[Math.Min(start, sql.Length)..at];
        at = Math.Min(at + 1, sql.Length);
        string pair = new(quote, 2);
        return inner.Contains(pair, StringComparison.Ordinal) ? inner.Replace(pair, pair[..1], StringComparison.Ordinal) : inner;
    }

    private static int EndOfComment(string sql, int at)
    {
        bool isLine = sql[at] == '-';
        int end = sql.IndexOf(isLine ? "\n" : "*/", at + 2, StringComparison.Ordinal);
        return end < 0 ? sql.Length : end + (isLine ? 1 : 2);
    }

    private static int EndOfNumber(string sql, int at)
    {
        if (sql[at] == '0' && at + 1 < sql.Length && sql[at + 1] is 'x' or 'X') return SkipWord(sql, at + 2);
        while (at < sql.Length && (char.IsAsciiLetterOrDigit(sql[at]) || sql[at] is '.' or '_'
            || (sql[at] is '+' or '-' && sql[at - 1] is 'e' or 'E')))
        {
            at++;
        }

        return at;
    }

    private static int SkipWord(string sql, int at)
    {
        while (at < sql.Length && IsWordCharacter(sql[at])) at++;
        return at;
    }

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || c >= 0x80;

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\f' or '\r' or '\0' or '\uFEFF';

    private static bool Starts(string sql, int at, string what) => string.CompareOrdinal(sql, at, what, 0, what.Length) == 0;
}
