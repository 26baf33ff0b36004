using Lapidary.TextToSql.Comparing;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Filling;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Scoring;

/// <summary>What a database holds: how statements that write are compared.</summary>
internal sealed class DatabaseState
{
    private readonly SortedDictionary<string, Table> _tables = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _others = [];

    /// <summary>Why it could not be read; null where it was.</summary>
    public SqlFailure? Failure { get; private set; }

    /// <summary>Reads a database.</summary>
    public static DatabaseState Of(GuardedDatabase database)
    {
        var state = new DatabaseState();
        foreach (object?[] entry in database.Ask(
            "SELECT type, name, sql FROM main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"))
        {
            string type = (string)entry[0]!, name = (string)entry[1]!, sql = entry[2] as string ?? "";
            if (type == "table") state.Add(database, name, sql, TableShape.Of(database, name));
            else if (type == "view") state.Add(database, name, sql, "view");
            else if (type == "trigger") state._others.Add(SqlWords.Of(sql));
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
            (expectedRows, foundRows) = (here?.Rows, there?.Rows);
            if (!isThere) return $"There is no {name} afterwards.";
            if (!isHere) return $"There is {name} afterwards, which is not expected.";
            if (here!.Problem is null && there!.Problem is { } problem) return $"{name} cannot be read afterwards: {problem}";
            if (here.Shape != there!.Shape) return $"{name} has other columns, keys or indexes.";
            if (ResultComparison.Bag(here.Rows, there.Rows) is { } difference) return $"{name} afterwards: {difference}";
        }

        if (_others.SequenceEqual(found._others)) return null;
        (expectedRows, foundRows) = (null, null);
        return "The triggers differ.";
    }

    private void Add(GuardedDatabase database, string name, string sql, string shape)
    {
        var outcome = database.Run($"SELECT * FROM main.{SchemaTable.Quote(name)}", GuardMode.Read);
        if (outcome.Failure is { Kind: not SqlFailureKind.Invalid } failure) Failure ??= failure;

        // What cannot be read, such as a view of a table that is gone, is compared by its text.
        _tables[name] = outcome.Result is { } rows
            ? new($"{shape} | {string.Join(", ", rows.Columns.Select(TableShape.Name))}", rows, null)
            : new($"{shape} | {SqlWords.Of(sql)}", new ResultRows([], []), outcome.Failure?.Message);
    }

    /// <summary>A table or view.</summary>
    /// <param name="Shape">Its columns, keys and indexes.</param>
    /// <param name="Rows">Its rows.</param>
    /// <param name="Problem">Why it cannot be read; null where it was.</param>
    private sealed record Table(string Shape, ResultRows Rows, string? Problem);
}
