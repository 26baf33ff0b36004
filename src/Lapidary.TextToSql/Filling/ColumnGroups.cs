namespace Lapidary.TextToSql.Filling;

/// <summary>Columns whose values meet: declared foreign keys, columns that the query compares, and, as a guess, keys and columns of
/// other tables that have their name.</summary>
internal sealed class ColumnGroups
{
    private readonly Dictionary<SchemaColumn, SchemaColumn> _parents = [];
    private readonly Dictionary<SchemaColumn, SchemaColumn?> _owners = [];
    private readonly ILookup<SchemaColumn, SchemaColumn> _members;

    /// <summary>Finds the groups.</summary>
    public ColumnGroups(List<SchemaTable> tables, QueryHints hints)
    {
        List<SchemaColumn> columns = [.. tables.SelectMany(table => table.Columns)];
        foreach (var (from, to) in tables.SelectMany(table => table.ForeignKeys))
            foreach (var (a, b) in from.Zip(to)) Join(a, b);
        foreach (var (a, b) in hints.Links) Join(a, b);
        foreach (var named in columns.GroupBy(column => column.Name, StringComparer.OrdinalIgnoreCase).Where(named => named.Count() > 1))
        {
            if (!named.Any(column => column.IsKey || column.IsNamedLikeKey)) continue;

            // A column "id" of each table is a key of its own.
            if (named.Key.Equals("id", StringComparison.OrdinalIgnoreCase)) continue;
            foreach (var column in named.Skip(1)) Join(named.First(), column);
        }

        _members = columns.ToLookup(Root);
    }

    /// <summary>The column whose values the others of its group are taken from; null where there is no key among them.</summary>
    public SchemaColumn? Owner(SchemaColumn column)
    {
        var root = Root(column);
        if (_owners.TryGetValue(root, out var owner)) return owner;
        var keys = _members[root].Where(other => other.IsKey).ToList();
        owner = keys.Count == 0 ? null
            : keys.Find(key => !key.Table.ForeignKeys.Exists(foreign => foreign.From.Contains(key)) && IsNamedAfterTable(key)) ?? keys[0];
        _owners.Add(root, owner);
        return owner;
    }

    /// <summary>The group's name: that of its first column.</summary>
    public string Pool(SchemaColumn column) => Root(column).Name;

    /// <summary>All columns of a column's group.</summary>
    public IEnumerable<SchemaColumn> Members(SchemaColumn column) => _members[Root(column)];

    /// <summary>Employee_ID in employee, stuid in student.</summary>
    private static bool IsNamedAfterTable(SchemaColumn column) =>
        column.Name.StartsWith(column.Table.Name[..Math.Min(3, column.Table.Name.Length)], StringComparison.OrdinalIgnoreCase);

    private SchemaColumn Root(SchemaColumn column)
    {
        while (_parents.TryGetValue(column, out var parent)) column = parent;
        return column;
    }

    private void Join(SchemaColumn a, SchemaColumn b)
    {
        var (x, y) = (Root(a), Root(b));
        if (x != y) _parents.Add(y, x);
    }
}
