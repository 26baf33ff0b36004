using Lapidary.TextToSql.Comparing;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Filling;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Scoring;

/// <summary>What a database holds: how statements that write are compared.</summary>
internal sealed class DatabaseState
{
    private readonly SortedDictionary<string, (string Shape, ResultRows Rows)> _tables = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _others = [];

    /// <summary>Why it could not be read; null where it was.</summary>
    public SqlFailure? Failure { get; private set; }

    /// <summary>Reads a database.</summary>
    public static DatabaseState Of(GuardedDatabase database)
    {
        var state = new DatabaseState();
        foreach (object?[] entry in database.Ask(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"))
        {
            string type = (string)entry[0]!, name = (string)entry[1]!, sql = entry[3] as string ?? "";
            if (type == "table") state.Add(database, name, Shape(database, name));
            else if (type == "view") state.Add(database, name, "view");
            else if (type == "trigger") state._others.Add(Words(sql));
        }

        state._others.Sort(StringComparer.Ordinal);
        return state;
    }

    /// <summary>Why another one differs; null where it does not.</summary>
    /// <param name="found">The other one.</param>
    /// <param name="expectedRows">Of the table that differs: its rows here.</param>
    /// <param name="foundRows">Its rows there.</param>
    public string? Difference(DatabaseState found, out ResultRows? expectedRows, out ResultRows? foundRows)
    {
        (expectedRows, foundRows) = (null, null);
        foreach (string name in _tables.Keys.Union(found._tables.Keys, StringComparer.OrdinalIgnoreCase))
        {
            bool isHere = _tables.TryGetValue(name, out var here), isThere = found._tables.TryGetValue(name, out var there);
            (expectedRows, foundRows) = (here.Rows, there.Rows);
            if (!isThere) return $"There is no {name} afterwards.";
            if (!isHere) return $"There is {name} afterwards, which is not expected.";
            if (here.Shape != there.Shape) return $"{name} has other columns, keys or indexes.";
            if (ResultComparison.Bag(here.Rows, there.Rows) is { } difference) return $"{name} afterwards: {difference}";
        }

        if (_others.SequenceEqual(found._others)) return null;
        (expectedRows, foundRows) = (null, null);
        return "The triggers differ.";
    }

    private void Add(GuardedDatabase database, string name, string shape)
    {
        var outcome = database.Run($"SELECT * FROM {SchemaTable.Quote(name)}", GuardMode.Read);
        if (outcome.Failure is { Kind: not SqlFailureKind.Invalid } failure) Failure ??= failure;
        var rows = outcome.Result ?? new ResultRows([], []);
        _tables[name] = ($"{shape} {string.Join(", ", rows.Columns.Select(column => column.ToUpperInvariant()))}", rows);
    }

    /// <summary>Columns by name and affinity, what they allow, keys and indexes; not the words with which they were declared.</summary>
    private static string Shape(GuardedDatabase database, string table)
    {
        string name = SchemaTable.Quote(table);
        var columns = database.Ask($"PRAGMA table_xinfo({name})").Select(column =>
            $"{column[1]} {Affinity((string)(column[2] ?? ""))} {column[3]} {column[4]} {column[5]} {column[6]}");
        var foreign = database.Ask($"PRAGMA foreign_key_list({name})").Select(part =>
            $"{part[2]} {part[3]} {part[4]} {part[5]} {part[6]}").Order(StringComparer.OrdinalIgnoreCase);
        var indexes = database.Ask($"PRAGMA index_list({name})").Select(index =>
            $"{index[2]} {index[4]} " + string.Join(' ', IndexColumns(database, (string)index[1]!)))
            .Order(StringComparer.OrdinalIgnoreCase);
        return string.Join("; ", [.. columns, "|", .. foreign, "|", .. indexes]).ToUpperInvariant();
    }

    private static IEnumerable<object?> IndexColumns(GuardedDatabase database, string index) =>
        database.Ask($"PRAGMA index_info({SchemaTable.Quote(index)})").Select(part => part[2]);

    /// <summary>A statement without what does not count in it: blanks, comments, upper and lower case.</summary>
    private static string Words(string sql) => string.Join(' ', SqlTokenizer.Tokens(sql).Select(token => token.Value.ToUpperInvariant()));

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
