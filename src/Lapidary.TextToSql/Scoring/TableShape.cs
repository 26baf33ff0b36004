using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Filling;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Scoring;

/// <summary>What a table is: columns by name and affinity, what they allow, keys and indexes; not the words with which they were
/// declared.</summary>
internal static class TableShape
{
    /// <summary>A text that is the same for tables of the same shape.</summary>
    public static string Of(GuardedDatabase database, string table)
    {
        string[] all =
        [
            .. Columns(database, table),
            "|", .. ForeignKeys(database, table).Order(StringComparer.Ordinal),
            "|", .. Indexes(database, table).Order(StringComparer.Ordinal),
        ];
        return string.Join("; ", all);
    }

    /// <summary>How a name stands in a shape.</summary>
    public static string Name(string name) => SchemaTable.Quote(name.ToUpperInvariant());

    private static IEnumerable<string> Columns(GuardedDatabase database, string table) =>
        database.Ask($"PRAGMA main.table_xinfo({SchemaTable.Quote(table)})").Select(column =>
            $"{Name((string)column[1]!)} {Affinity(column[2] as string ?? "")} {column[3]} {SqlWords.Of(column[4] as string ?? "")} "
            + $"{column[5]} {column[6]}");

    /// <summary>Each key with all of its columns.</summary>
    private static IEnumerable<string> ForeignKeys(GuardedDatabase database, string table) =>
        database.Ask($"PRAGMA main.foreign_key_list({SchemaTable.Quote(table)})").GroupBy(part => (long)part[0]!).Select(key =>
        {
            var parts = key.OrderBy(part => (long)part[1]!).ToList();
            string parent = (string)parts[0][2]!;
            string[] targets = PrimaryKey(database, parent);

            // Without columns of the other table, its primary key is meant.
            var pairs = parts.Select((part, at) =>
                $"{Name((string)part[3]!)} {Name(part[4] as string ?? targets.ElementAtOrDefault(at) ?? "")}");
            return $"{Name(parent)} ({string.Join(", ", pairs.Order(StringComparer.Ordinal))}) {parts[0][5]} {parts[0][6]}";
        });

    private static string[] PrimaryKey(GuardedDatabase database, string table) =>
    [
        .. database.Ask($"PRAGMA main.table_xinfo({SchemaTable.Quote(table)})").Where(column => column[5] is > 0L)
            .OrderBy(column => (long)column[5]!).Select(column => (string)column[1]!),
    ];

    private static IEnumerable<string> Indexes(GuardedDatabase database, string table) =>
        database.Ask($"PRAGMA main.index_list({SchemaTable.Quote(table)})").Select(index =>
        {
            string name = (string)index[1]!;
            var sql = database.Ask("SELECT sql FROM main.sqlite_master WHERE type = 'index' AND name = ?1", name);
            var (terms, condition) = Declared(sql.Count > 0 ? sql[0][0] as string ?? "" : "");
            var keys = database.Ask($"PRAGMA main.index_xinfo({SchemaTable.Quote(name)})").Where(part => part[5] is not 0L)
                .Select((part, at) => $"{Key(part, terms.ElementAtOrDefault(at))} {part[3]} {part[4]}");
            return $"{index[2]} ({string.Join(", ", keys)}) {condition}";
        });

    private static string Key(object?[] part, string? term) => part[2] is string column ? Name(column) : $"({term})";

    /// <summary>The expressions and the condition of CREATE INDEX; there are none of an index that a key brought along.</summary>
    private static (IReadOnlyList<string> Terms, string Condition) Declared(string sql)
    {
        var tokens = SqlTokenizer.Tokens(sql);
        int on = tokens.FindIndex(token => token.Is("on"));
        int open = on < 0 ? -1 : tokens.FindIndex(on, token => token.IsSymbol("("));
        int close = open < 0 ? -1 : tokens.FindIndex(open, token => token.Depth == 0 && token.IsSymbol(")"));
        if (close < 0) return ([], "");
        var terms = new List<string>();
        for (int start = open + 1; start <= close;)
        {
            int end = tokens.FindIndex(start, token => token.Depth == 1 && token.IsSymbol(","));
            if (end < 0 || end > close) end = close;
            terms.Add(SqlWords.Of(Expression(tokens[start..end])));
            start = end + 1;
        }

        return (terms, SqlWords.Of(tokens[(close + 1)..]));
    }

    /// <summary>A term without its direction and collation, which SQLite tells itself.</summary>
    private static List<SqlToken> Expression(List<SqlToken> term)
    {
        if (term.Count > 0 && (term[^1].Is("asc") || term[^1].Is("desc"))) term = term[..^1];
        return term.Count > 1 && term[^2].Is("collate") ? term[..^2] : term;
    }

    /// <summary>SQLite's rules of how a declared type stores values.</summary>
    private static string Affinity(string type)
    {
        type = type.ToUpperInvariant();
        return type.Contains("INT") ? "INTEGER"
            : type.Contains("CHAR") || type.Contains("CLOB") || type.Contains("TEXT") ? "TEXT"
            : type.Length == 0 || type.Contains("BLOB") ? "BLOB"
            : type.Contains("REAL") || type.Contains("FLOA") || type.Contains("DOUB") ? "REAL"
            : "NUMERIC";
    }
}
