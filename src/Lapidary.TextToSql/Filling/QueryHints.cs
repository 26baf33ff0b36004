using System.Globalization;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Filling;

/// <summary>What a query tells of the values that would make it interesting: constants by column, columns that are compared with each
/// other, columns that are taken for numbers. Found by looking at tokens, so a hint may be missed or be wrong; neither does harm.</summary>
internal sealed class QueryHints
{
    private static readonly string[] NoAliases =
    [
        "where", "on", "join", "group", "order", "inner", "left", "right", "full", "cross", "natural", "union", "limit", "having",
        "intersect", "except", "using", "set", "values", "window", "outer",
    ];

    private static readonly string[] Comparisons = ["=", "==", "!=", "<>", "<", "<=", ">", ">="];

    private readonly List<SqlToken> _tokens;
    private readonly List<(string Alias, SchemaTable Table)> _tables = [];

    /// <summary>Looks at a query or a CREATE statement with its CHECKs.</summary>
    /// <param name="sql">It.</param>
    /// <param name="tables">The tables there are.</param>
    public QueryHints(string sql, List<SchemaTable> tables)
    {
        _tokens = SqlTokenizer.Tokens(sql);
        FindTables(tables);
        for (int at = 0; at < _tokens.Count; at++) Look(at);
        LinkCompounds();
    }

    /// <summary>Conditions by column.</summary>
    public Dictionary<SchemaColumn, List<Condition>> Conditions { get; } = [];

    /// <summary>Columns that are equal in a join, or compared by IN or a set operation.</summary>
    public List<(SchemaColumn A, SchemaColumn B)> Links { get; } = [];

    /// <summary>Columns that are summed, averaged or compared with numbers.</summary>
    public HashSet<SchemaColumn> Numeric { get; } = [];

    /// <summary>The largest number that a COUNT is compared with.</summary>
    public int LargestCount { get; private set; }

    private SqlToken Token(int at) => at >= 0 && at < _tokens.Count ? _tokens[at] : SqlToken.None;

    private void FindTables(List<SchemaTable> tables)
    {
        for (int at = 1; at < _tokens.Count; at++)
        {
            if (!_tokens[at].IsName || Token(at + 1).IsSymbol(".")) continue;
            var before = Token(at - 1);
            bool isPlace = before.Is("from") || before.Is("join") || before.Is("update") || before.Is("into") || before.Is("table")
                || before.IsSymbol(",") || before.IsSymbol("(") || before.Is("exists");
            if (!isPlace) continue;
            var table = tables.Find(other => other.Name.Equals(_tokens[at].Value, StringComparison.OrdinalIgnoreCase));
            if (table is null) continue;
            _tables.Add((table.Name, table));
            int next = Token(at + 1).Is("as") ? at + 2 : at + 1;
            var alias = Token(next);
            if (alias.IsName && !Array.Exists(NoAliases, alias.Is)) _tables.Add((alias.Value, table));
        }
    }

    /// <summary>The columns that a name may mean, and where the name ends; none where it is no column.</summary>
    private List<SchemaColumn> Columns(int at, out int end)
    {
        end = at + 1;
        if (!Token(at).IsName || Token(at - 1).IsSymbol(".")) return [];
        string name = Token(at).Value;
        IEnumerable<SchemaTable> tables = _tables.Select(entry => entry.Table);
        if (Token(at + 1).IsSymbol(".") && Token(at + 2).IsName)
        {
            string alias = name;
            tables = _tables.Where(entry => entry.Alias.Equals(alias, StringComparison.OrdinalIgnoreCase)).Select(entry => entry.Table);
            name = Token(at + 2).Value;
            end = at + 3;
        }

        if (Token(end).IsSymbol("(")) return [];
        return [.. tables.Distinct().Select(table => table.Find(name)).OfType<SchemaColumn>()];
    }

    private void Look(int at)
    {
        if (Token(at).Kind == SqlTokenKind.Word && Token(at + 1).IsSymbol("("))
        {
            LookAtFunction(at);
            return;
        }

        var columns = Columns(at, out int end);
        if (columns.Count > 0) LookBehind(columns, end);

        // 5 < column.
        if (columns.Count > 0 && Token(at - 1).Kind == SqlTokenKind.Symbol && Array.IndexOf(Comparisons, Token(at - 1).Value) >= 0
            && Literal(at - 2, out _) is { } left && Token(at - 2).Kind != SqlTokenKind.QuotedName)
        {
            Add(columns, Mirrored(Token(at - 1).Value), left);
        }
    }

    /// <summary>What is compared with columns: a constant, a list, a range, a pattern, other columns.</summary>
    private void LookBehind(List<SchemaColumn> columns, int at)
    {
        if (Token(at).Is("not")) at++;
        var token = Token(at);
        if (token.Is("between"))
        {
            if (Literal(at + 1, out int and) is not { } low) return;
            Add(columns, ">=", low);
            if (Token(and).Is("and") && Literal(and + 1, out _) is { } high) Add(columns, "<=", high);
        }
        else if (token.Is("like") || token.Is("glob"))
        {
            if (Literal(at + 1, out _) is { } pattern) Add(columns, "LIKE", token.Is("glob") ? ((string)pattern.ToString()!).Replace('*', '%') : pattern);
        }
        else if (token.Is("in") && Token(at + 1).IsSymbol("("))
        {
            if (Token(at + 2).Is("select")) Link(columns, FirstItem(at + 2));
            else LookAtList(columns, at + 2);
        }
        else if (token.Kind == SqlTokenKind.Symbol && Array.IndexOf(Comparisons, token.Value) >= 0)
        {
            var others = Columns(at + 1, out _);
            if (others.Count > 0) Link(columns, others);
            else if (Literal(at + 1, out _) is { } value) Add(columns, token.Value, value);
            else if (Token(at + 1).IsSymbol("(") && Token(at + 2).Is("select")) Link(columns, FirstItem(at + 2));
        }
        else if (token.Kind == SqlTokenKind.Symbol && token.Value is "+" or "-" or "*" or "/")
        {
            Numeric.UnionWith(columns);
        }
    }

    private void LookAtList(List<SchemaColumn> columns, int at)
    {
        while (Literal(at, out int end) is { } value)
        {
            Add(columns, "=", value);
            if (!Token(end).IsSymbol(",")) return;
            at = end + 1;
        }
    }

    /// <summary>avg(column), count(*) > 3, lower(column) = 'x', strftime('%Y', column) = '2020'.</summary>
    private void LookAtFunction(int at)
    {
        string name = Token(at).Value.ToUpperInvariant();
        int depth = Token(at + 1).Depth;
        int close = _tokens.FindIndex(at + 2, token => token.IsSymbol(")") && token.Depth == depth);
        if (close < 0) return;
        List<SchemaColumn> columns = [];
        for (int inner = at + 2; inner < close && columns.Count == 0; inner++) columns = Columns(inner, out _);
        if (name is "SUM" or "AVG" or "TOTAL" or "ROUND" or "ABS") Numeric.UnionWith(columns);
        var operation = Token(close + 1);
        bool isComparison = operation.Kind == SqlTokenKind.Symbol && Array.IndexOf(Comparisons, operation.Value) >= 0;
        if (!isComparison || Literal(close + 2, out _) is not { } value) return;
        switch (name)
        {
            case "COUNT":
                if (value is long count) LargestCount = (int)Math.Clamp(count, LargestCount, 60);
                break;
            case "SUM" or "TOTAL":
                if (value is long sum) Add(columns, operation.Value, sum / 2);
                break;
            case "AVG" or "MIN" or "MAX" or "ROUND" or "CAST" or "LOWER" or "UPPER" or "TRIM":
                Add(columns, operation.Value, value);
                break;
            case "STRFTIME" or "SUBSTR" or "SUBSTRING" or "DATE" or "YEAR":
                Add(columns, "PREFIX", Convert.ToString(value, CultureInfo.InvariantCulture)!);
                break;
        }
    }

    /// <summary>The columns of the items of SELECTs that a set operation compares.</summary>
    private void LinkCompounds()
    {
        for (int at = 0; at < _tokens.Count; at++)
        {
            if (!(Token(at).Is("union") || Token(at).Is("intersect") || Token(at).Is("except"))) continue;
            int depth = Token(at).Depth;
            int before = _tokens.FindLastIndex(at, token => token.Depth == depth && token.Is("select"));
            int after = _tokens.FindIndex(at, token => token.Depth == depth && token.Is("select"));
            if (before < 0 || after < 0) continue;
            foreach (var (a, b) in Items(before).Zip(Items(after))) Link(a, b);
        }
    }

    private List<SchemaColumn> FirstItem(int select) => Items(select).FirstOrDefault([]);

    /// <summary>The columns of each item behind a SELECT that is a plain column; empty lists for others.</summary>
    private List<List<SchemaColumn>> Items(int select)
    {
        var items = new List<List<SchemaColumn>>();
        int depth = Token(select).Depth, at = select + 1;
        if (Token(at).Is("distinct")) at++;
        while (at < _tokens.Count)
        {
            var columns = Columns(at, out int end);
            items.Add(columns);
            int next = _tokens.FindIndex(end, token => token.Depth == depth && (token.IsSymbol(",") || token.Is("from") || token.IsSymbol(")")));
            if (next < 0 || !Token(next).IsSymbol(",")) break;
            at = next + 1;
        }

        return items;
    }

    private void Link(List<SchemaColumn> a, List<SchemaColumn> b)
    {
        if (a.Count > 0 && b.Count > 0 && a[0] != b[0]) Links.Add((a[0], b[0]));
    }

    private void Add(List<SchemaColumn> columns, string operation, object value)
    {
        foreach (var column in columns)
        {
            if (!Conditions.TryGetValue(column, out var list)) Conditions.Add(column, list = []);
            list.Add(new Condition(operation switch { "==" => "=", "<>" => "!=", _ => operation }, value));
            if (value is long or double) Numeric.Add(column);
        }
    }

    /// <summary>A constant: a text, a number with its sign, or a text in double quotes.</summary>
    private object? Literal(int at, out int end)
    {
        end = at + 1;
        var token = Token(at);
        switch (token.Kind)
        {
            case SqlTokenKind.Text:
                return token.Value;
            case SqlTokenKind.QuotedName when Columns(at, out _).Count == 0 && !Token(at + 1).IsSymbol("."):
                return token.Value;
            case SqlTokenKind.Number:
                return Number(token.Value, 1);
            case SqlTokenKind.Symbol when token.Value == "-" && Token(at + 1).Kind == SqlTokenKind.Number:
                end = at + 2;
                return Number(Token(at + 1).Value, -1);
            default:
                return null;
        }
    }

    private static object? Number(string text, int sign)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long whole)) return sign * whole;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? sign * number : null;
    }

    private static string Mirrored(string operation) => operation switch
    {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        _ => operation,
    };
}
