namespace Lapidary.TextToSql.Names;

/// <summary>The names of a schema.</summary>
internal sealed class SchemaNames
{
    /// <summary>Names by which each table's rows have a number.</summary>
    private static readonly string[] RowNumbers = ["rowid", "_rowid_", "oid"];

    private readonly Dictionary<string, NameSet> _columns = new(StringComparer.Ordinal);

    /// <summary>Takes the names of tables and views.</summary>
    public SchemaNames(IReadOnlyList<AskedTable> tables)
    {
        foreach (var table in tables) _columns[NameSet.Key(table.Name)] = NameSet.Of(NamesOf(table));
        Tables = NameSet.Of(tables.Select(table => table.Name));
        Columns = NameSet.Of(tables.SelectMany(NamesOf));
    }

    /// <summary>Of the tables and views.</summary>
    public NameSet Tables { get; }

    /// <summary>Of all their columns.</summary>
    public NameSet Columns { get; }

    /// <summary>The names of a table's columns; null without such a table.</summary>
    public NameSet? ColumnsOf(string table) => _columns.GetValueOrDefault(table);

    private static IEnumerable<string> NamesOf(AskedTable table) => table.Columns.Select(column => column.Name).Concat(RowNumbers);
}
