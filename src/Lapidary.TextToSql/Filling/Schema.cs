using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Filling;

/// <summary>What kind of values a column takes.</summary>
internal enum ColumnKind
{
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    DateTime,
}

/// <summary>A column that rows give a value for.</summary>
/// <param name="table">Its table.</param>
/// <param name="name">Its name.</param>
/// <param name="type">The declared type; may be empty.</param>
/// <param name="isNotNull">Whether NULL is an error.</param>
internal sealed class SchemaColumn(SchemaTable table, string name, string type, bool isNotNull)
{
    public SchemaTable Table { get; } = table;

    public string Name { get; } = name;

    public bool IsNotNull { get; } = isNotNull;

    /// <summary>Whether it alone tells rows apart: a primary key of one column, or UNIQUE.</summary>
    public bool IsKey { get; set; }

    /// <summary>Whether it is part of a primary key.</summary>
    public bool IsPrimary { get; init; }

    /// <summary>By the declared type, as SQLite reads it, and by the names that people give to columns of dates.</summary>
    public ColumnKind Kind { get; } = KindOf(type.ToUpperInvariant(), name.ToLowerInvariant());

    /// <summary>Whether the name is that of a key in any table: rows meet over such columns.</summary>
    public bool IsNamedLikeKey => Name.EndsWith("id", StringComparison.OrdinalIgnoreCase) || Name.EndsWith("code", StringComparison.OrdinalIgnoreCase)
        || Name.EndsWith("key", StringComparison.OrdinalIgnoreCase);

    private static ColumnKind KindOf(string type, string name)
    {
        if (type.Contains("BOOL")) return ColumnKind.Boolean;
        if (type.Contains("DATETIME") || type.Contains("TIMESTAMP")) return ColumnKind.DateTime;
        if (type.Contains("DATE")) return ColumnKind.Date;
        if (type.Contains("INT") || type.Contains("SERIAL")) return ColumnKind.Integer;
        if (type.Contains("CHAR") || type.Contains("TEXT") || type.Contains("CLOB") || type.Length == 0)
            return name.Contains("date") || name.EndsWith("_at", StringComparison.Ordinal) ? ColumnKind.Date : ColumnKind.Text;
        return ColumnKind.Number;
    }
}

/// <summary>A table, with what its rows must hold to.</summary>
internal sealed class SchemaTable(string name, string sql)
{
    public string Name { get; } = name;

    /// <summary>The statement that made it.</summary>
    public string Sql { get; } = sql;

    /// <summary>Columns that rows give a value for; generated ones are not among them.</summary>
    public List<SchemaColumn> Columns { get; } = [];

    /// <summary>Declared foreign keys: columns of this table and those of another that they must be found in.</summary>
    public List<(SchemaColumn[] From, SchemaColumn[] To)> ForeignKeys { get; } = [];

    /// <summary>Whether it had no rows when the schema was read.</summary>
    public bool IsEmpty { get; init; }

    /// <summary>A name in SQL syntax.</summary>
    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A column by name.</summary>
    public SchemaColumn? Find(string column) => Columns.Find(other => other.Name.Equals(column, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Reads the tables of a database.</summary>
internal static class Schema
{
    /// <summary>All tables, in the order they were made.</summary>
    public static List<SchemaTable> Read(GuardedDatabase database)
    {
        var tables = new List<SchemaTable>();
        foreach (object?[] row in database.Ask(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"))
        {
            string name = (string)row[0]!;
            bool isEmpty = database.Ask($"SELECT 1 FROM {SchemaTable.Quote(name)} LIMIT 1").Count == 0;
            var table = new SchemaTable(name, row[1] as string ?? "") { IsEmpty = isEmpty };
            tables.Add(table);
            AddColumns(database, table);
        }

        foreach (var table in tables) AddForeignKeys(database, table, tables);
        return tables;
    }

    private static void AddColumns(GuardedDatabase database, SchemaTable table)
    {
        // cid, name, type, notnull, default, pk, hidden: 2 and 3 are generated.
        var columns = database.Ask($"PRAGMA table_xinfo({SchemaTable.Quote(table.Name)})");
        int primary = columns.Count(column => (long)column[5]! > 0);
        foreach (object?[] column in columns.Where(column => (long)column[6]! == 0))
        {
            bool isPrimary = (long)column[5]! > 0;
            table.Columns.Add(new SchemaColumn(table, (string)column[1]!, column[2] as string ?? "", (long)column[3]! != 0 || isPrimary)
            {
                IsPrimary = isPrimary,
                IsKey = isPrimary && primary == 1,
            });
        }

        foreach (object?[] index in database.Ask($"PRAGMA index_list({SchemaTable.Quote(table.Name)})"))
        {
            if ((long)index[2]! == 0) continue;
            var names = database.Ask($"PRAGMA index_info({SchemaTable.Quote((string)index[1]!)})").Select(part => part[2] as string).ToList();
            if (names is [{ } only] && table.Find(only) is { } column) column.IsKey = true;
        }
    }

    private static void AddForeignKeys(GuardedDatabase database, SchemaTable table, List<SchemaTable> tables)
    {
        // id, seq, table, from, to, …; "to" is null where the primary key is meant.
        foreach (var key in database.Ask($"PRAGMA foreign_key_list({SchemaTable.Quote(table.Name)})").GroupBy(part => (long)part[0]!))
        {
            var parent = tables.Find(other => other.Name.Equals((string)key.First()[2]!, StringComparison.OrdinalIgnoreCase));
            if (parent is null) continue;
            var primary = parent.Columns.Where(column => column.IsPrimary).ToList();
            List<SchemaColumn> from = [.. key.Select(part => table.Find((string)part[3]!)).OfType<SchemaColumn>()];
            List<SchemaColumn> to = [.. key.Select((part, index) => part[4] is string name ? parent.Find(name) : primary.ElementAtOrDefault(index))
                .OfType<SchemaColumn>()];
            if (from.Count == key.Count() && to.Count == from.Count) table.ForeignKeys.Add(([.. from], [.. to]));
        }
    }
}
