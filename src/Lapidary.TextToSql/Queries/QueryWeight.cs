namespace Lapidary.TextToSql.Queries;

/// <summary>How many tables a statement names once its views and WITH clauses are written out. SQLite writes them out while it compiles,
/// which nothing stops, and each of a chain of n may name the one before it twice: 2ⁿ.</summary>
internal static class QueryWeight
{
    /// <summary>What a statement may weigh; SQLite itself allows 200 tables in a query.</summary>
    public const int Limit = 500;

    private const int Most = 1_000_000;

    /// <summary>Weighs a text of one or many statements.</summary>
    /// <param name="tokens">The text.</param>
    /// <param name="views">Weights of the views there are; those that the text creates are added.</param>
    /// <returns>The weight of the heaviest statement, view or WITH clause.</returns>
    public static int Of(List<SqlToken> tokens, Dictionary<string, int> views)
    {
        var weights = new Dictionary<string, int>(views, StringComparer.OrdinalIgnoreCase);
        var open = new Stack<(string Name, int Depth, bool IsView, int Sum)>();
        int sum = 0, heaviest = 0;
        for (int at = 0; at < tokens.Count; at++)
        {
            var token = tokens[at];
            while (open.TryPeek(out var inner)
                && (token.IsSymbol(";") || (!inner.IsView && token.IsSymbol(")") && token.Depth == inner.Depth)))
            {
                Close();
            }

            if (token.IsSymbol(";"))
            {
                heaviest = Math.Max(heaviest, sum);
                sum = 0;
            }
            else if (Definition(tokens, at) is { } name)
            {
                // At the parenthesis of a WITH clause, or the AS of a view.
                open.Push((name, token.Depth, token.Is("as"), sum));
                sum = 0;
            }
            else if (token.IsName && IsTable(tokens, at) && weights.TryGetValue(token.Value, out int weight))
            {
                sum = Math.Min(Most, sum + weight);
            }
        }

        while (open.Count > 0) Close();
        return Math.Max(heaviest, sum);

        void Close()
        {
            var (name, _, isView, outer) = open.Pop();
            weights[name] = Math.Max(weights.GetValueOrDefault(name), Math.Min(Most, sum + 1));
            if (isView) views[name] = weights[name];
            heaviest = Math.Max(heaviest, sum);
            sum = outer;
        }
    }

    /// <summary>Whether a name stands where a table does, and is no qualifier of a column.</summary>
    private static bool IsTable(List<SqlToken> tokens, int at) =>
        at > 0 && !(at + 1 < tokens.Count && tokens[at + 1].IsSymbol("."))
        && (tokens[at - 1].Is("from") || tokens[at - 1].Is("join")
            || (tokens[at - 1].Kind == SqlTokenKind.Symbol && tokens[at - 1].Value is "," or "(" or "."));

    /// <summary>The name that is defined by what starts here: "name (columns) AS (SELECT" or "VIEW name (columns) AS".</summary>
    private static string? Definition(List<SqlToken> tokens, int at)
    {
        int before = at - 1;
        bool isView = tokens[at].Is("as");
        if (!isView)
        {
            bool isQuery = tokens[at].IsSymbol("(") && at + 1 < tokens.Count
                && (tokens[at + 1].Is("select") || tokens[at + 1].Is("with") || tokens[at + 1].Is("values"));
            if (!isQuery) return null;
            if (before >= 0 && tokens[before].Is("materialized")) before--;
            if (before >= 0 && tokens[before].Is("not")) before--;
            if (before < 0 || !tokens[before].Is("as")) return null;
            before--;
        }

        if (before >= 0 && tokens[before].IsSymbol(")"))
        {
            int depth = tokens[before].Depth;
            before--;
            while (before >= 0 && !(tokens[before].IsSymbol("(") && tokens[before].Depth == depth)) before--;
            before--;
        }

        if (before < 0 || !tokens[before].IsName) return null;
        if (!isView) return tokens[before].Value;
        int verb = before >= 2 && tokens[before - 1].IsSymbol(".") ? before - 3 : before - 1;
        if (verb >= 3 && tokens[verb].Is("exists")) verb -= 3;
        return verb >= 0 && tokens[verb].Is("view") ? tokens[before].Value : null;
    }
}
