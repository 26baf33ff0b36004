namespace Lapidary.TextToSql.Queries;

/// <summary>The word that says what a statement does: SELECT, DELETE, PRAGMA. A WITH clause stands before it.</summary>
internal static class StatementVerb
{
    private static readonly string[] AfterWith = ["select", "values", "insert", "replace", "update", "delete"];

    /// <summary>The place of a statement's verb among its tokens; the number of tokens where there is none.</summary>
    public static int Find(IReadOnlyList<SqlToken> tokens)
    {
        int first = 0;
        while (first < tokens.Count && tokens[first].IsSymbol(";")) first++;
        if (first == tokens.Count || !tokens[first].Is("with")) return first;
        for (int i = first + 1; i < tokens.Count; i++)
        {
            bool isName = i + 1 < tokens.Count && tokens[i + 1].Is("as"); // WITH replace AS (…)
            if (tokens[i].Depth == 0 && !isName && Array.Exists(AfterWith, tokens[i].Is)) return i;
        }

        return first;
    }

    /// <summary>Whether a verb is that of a query.</summary>
    public static bool IsQuery(SqlToken verb) => verb.Is("select") || verb.Is("values");
}
