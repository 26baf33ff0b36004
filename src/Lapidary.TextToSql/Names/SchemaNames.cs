using Lapidary.TextToSql.Asking.Files;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Names;

/// <summary>The names of a schema.</summary>
internal sealed class SchemaNames
{
    /// <summary>Names by which each table's rows have a number.</summary>
    private static readonly string[] RowNumbers = ["rowid", "_rowid_", "oid"];

    private readonly Dictionary<string, NameSet> _columns = new(StringComparer.Ordinal);

    /// <summary>Takes the names of tables and views, and of their columns.</summary>
    public SchemaNames(IReadOnlyCollection<(string Table, IEnumerable<string> Columns)> tables)
    {
        foreach (var (table, columns) in tables) _columns[NameSet.Key(table)] = NameSet.Of(columns.Concat(RowNumbers));
        Tables = NameSet.Of(tables.Select(table => table.Table));
        Columns = NameSet.Of(tables.SelectMany(table => table.Columns).Concat(RowNumbers));
    }

    /// <summary>Of the tables and views.</summary>
    public NameSet Tables { get; }

    /// <summary>Of all their columns.</summary>
    public NameSet Columns { get; }

    /// <summary>The names of a table's columns; null without such a table.</summary>
    public NameSet? ColumnsOf(string table) => _columns.GetValueOrDefault(table);

    /// <summary>The names in a database; views that cannot be read are left out.</summary>
    public static SchemaNames Of(GuardedDatabase database)
    {
        var tables = new List<(string, IEnumerable<string>)>();
        foreach (object?[] row in database.Ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"))
        {
            string name = (string)row[0]!;
            if (database.Run($"SELECT * FROM {SqlName.Quoted(name)} LIMIT 0", GuardMode.Read).Result is { } result)
                tables.Add((name, result.Columns));
        }

        return new SchemaNames(tables);
    }
}
