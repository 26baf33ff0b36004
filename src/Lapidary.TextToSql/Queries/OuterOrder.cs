using System.Globalization;

namespace Lapidary.TextToSql.Queries;

/// <summary>The ORDER BY of the outermost query, by which rows of a result are ordered; one in a sub-query orders nothing.</summary>
internal sealed class OuterOrder
{
    private readonly string _sql;
    private readonly List<SqlToken> _tokens;
    private readonly int _order;
    private readonly int _end;

    private OuterOrder(string sql, List<SqlToken> tokens, int order)
    {
        (_sql, _tokens, _order) = (sql, tokens, order);
        int limit = tokens.FindIndex(order, token => token.Depth == 0 && token.Is("limit"));
        int semicolon = tokens.FindIndex(order, token => token.Depth == 0 && token.IsSymbol(";"));
        int last = semicolon < 0 ? tokens.Count : semicolon;
        _end = limit < 0 ? last : limit;
        (Offset, HasKnownWindow) = limit < 0 ? (0, true) : Window(tokens[(limit + 1)..last]);
    }

    /// <summary>Rows that LIMIT skips.</summary>
    public long Offset { get; }

    /// <summary>Whether OFFSET, where there is one, is a number.</summary>
    public bool HasKnownWindow { get; }

    /// <summary>Finds it; null where the outermost query has none.</summary>
    public static OuterOrder? Of(string sql)
    {
        var tokens = SqlTokenizer.Tokens(sql);
        int order = tokens.FindLastIndex(token => token.Depth == 0 && token.Is("order"));
        return order < 0 || order + 1 >= tokens.Count || !tokens[order + 1].Is("by") ? null : new OuterOrder(sql, tokens, order);
    }

    /// <summary>The same query without LIMIT and with its keys of order as further columns, so that ties can be seen.</summary>
    /// <param name="columns">Names of the query's columns.</param>
    /// <returns>The query, and for each key its column and the collation that its COLLATE names; null where a key cannot be shown as a
    /// column.</returns>
    public (string Sql, (int Column, string? Collation)[] Keys)? WithKeys(string[] columns)
    {
        if (!HasKnownWindow) return null;
        int select = _tokens.FindLastIndex(_order, token => token.Depth == 0 && token.Is("select"));
        if (select < 0) return null;
        bool isCompound = _tokens.Take(_order).Any(token =>
            token.Depth == 0 && (token.Is("union") || token.Is("intersect") || token.Is("except")));
        bool canAdd = !isCompound && !_tokens[select + 1].Is("distinct");
        int from = _tokens.FindIndex(select, _order - select, token => token.Depth == 0 && token.Is("from"));
        if (from < 0) return null;
        var items = Split(select + (_tokens[select + 1].Is("distinct") || _tokens[select + 1].Is("all") ? 2 : 1), from);
        var added = new List<string>();
        var keys = new List<(int, string?)>();
        foreach (var term in Split(_order + 2, _end))
        {
            var (key, collation) = WithoutCollation(WithoutDirection(term));
            if (key.Count == 0) return null;
            int column = ColumnOf(key, items, columns);
            if (column < 0)
            {
                if (!canAdd) return null;
                column = columns.Length + added.Count;
                added.Add(_sql[key[0].Start..key[^1].End]);
            }

            keys.Add((column, collation));
        }

        int place = _tokens[from].Start;
        int end = _tokens[_end - 1].End;
        string more = string.Concat(added.Select(text => ", " + text));
        return ($"{_sql[..place].TrimEnd()}{more} {_sql[place..end]}", [.. keys]);
    }

    /// <summary>Pieces between commas, of the tokens from a start to an end.</summary>
    private List<List<SqlToken>> Split(int start, int end)
    {
        var pieces = new List<List<SqlToken>> { new() };
        foreach (var token in _tokens[start..end])
        {
            if (token.Depth == 0 && token.IsSymbol(",")) pieces.Add([]);
            else pieces[^1].Add(token);
        }

        return pieces;
    }

    /// <summary>An ORDER BY term without ASC, DESC, NULLS FIRST and NULLS LAST.</summary>
    private static List<SqlToken> WithoutDirection(List<SqlToken> term)
    {
        int end = term.Count;
        if (end >= 2 && term[end - 2].Is("nulls")) end -= 2;
        if (end >= 1 && (term[end - 1].Is("asc") || term[end - 1].Is("desc"))) end--;
        return term[..end];
    }

    /// <summary>A key without COLLATE, and the collation that it names.</summary>
    private static (List<SqlToken> Key, string? Collation) WithoutCollation(List<SqlToken> term) =>
        term.Count > 2 && term[^2].Is("collate") ? (term[..^2], term[^1].Value) : (term, null);

    /// <summary>Which column of the result a key is, by number, by name or as the same expression; -1 where it is none for sure.</summary>
    private static int ColumnOf(List<SqlToken> key, List<List<SqlToken>> items, string[] columns)
    {
        if (key is [{ Kind: SqlTokenKind.Number } number])
        {
            return int.TryParse(number.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int place)
                && place >= 1 && place <= columns.Length ? place - 1 : -1;
        }

        if (key is [{ IsName: true } name])
        {
            int first = Array.FindIndex(columns, column => column.Equals(name.Value, StringComparison.OrdinalIgnoreCase));
            int last = Array.FindLastIndex(columns, column => column.Equals(name.Value, StringComparison.OrdinalIgnoreCase));
            if (first == last && first >= 0) return first;
        }

        return items.Count == columns.Length ? items.FindIndex(item => Same(item, key)) : -1;
    }

    private static bool Same(List<SqlToken> item, List<SqlToken> key)
    {
        bool hasAlias = item.Count == key.Count + 2 && item[key.Count].Is("as");
        if (item.Count != key.Count && !hasAlias) return false;
        for (int index = 0; index < key.Count; index++)
        {
            if (item[index].Kind != key[index].Kind) return false;
            bool isExact = key[index].Kind is SqlTokenKind.Text or SqlTokenKind.Blob;
            var comparison = isExact ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
            if (!item[index].Value.Equals(key[index].Value, comparison)) return false;
        }

        return true;
    }

    /// <summary>LIMIT n, LIMIT n OFFSET m, LIMIT m, n.</summary>
    private static (long Offset, bool IsKnown) Window(List<SqlToken> tokens) => tokens switch
    {
        [{ Kind: SqlTokenKind.Number }] => (0, true),
        [{ Kind: SqlTokenKind.Number }, var word, { Kind: SqlTokenKind.Number } offset] when word.Is("offset") => Number(offset),
        [{ Kind: SqlTokenKind.Number } offset, var comma, { Kind: SqlTokenKind.Number }] when comma.IsSymbol(",") => Number(offset),
        _ => (0, false),
    };

    private static (long Offset, bool IsKnown) Number(SqlToken token) =>
        long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? (value, true) : (0, false);
}
