using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Lapidary.Engine;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Filling;

/// <summary>Fills the empty tables of a database at random: typed values, keys and foreign keys respected, constants of the reference and
/// values beside them, duplicates, NULLs.</summary>
/// <remarks>The same row and seed give the same databases. The answer that is scored has no part in it.</remarks>
internal sealed class DatabaseFiller
{
    private const int Attempts = 6;

    private readonly GuardedDatabase _database;
    private readonly List<SchemaTable> _tables;
    private readonly List<SchemaTable> _order;
    private readonly QueryHints _hints;
    private readonly ColumnGroups _groups;
    private readonly Dictionary<SchemaColumn, List<Condition>> _conditions = [];
    private readonly long _seed;

    /// <summary>A filler for one row of a data set.</summary>
    /// <param name="database">The database, with its schema.</param>
    /// <param name="row">The row.</param>
    /// <param name="tablesRead">Tables that the reference reads.</param>
    /// <param name="seed">The seed of all.</param>
    public DatabaseFiller(GuardedDatabase database, TextToSqlRow row, IReadOnlyCollection<string> tablesRead, long seed)
    {
        _database = database;
        string[] read = [.. tablesRead];
        _tables = Schema.Read(database);
        IsNeeded = _tables.Exists(table => table.IsEmpty && read.Contains(table.Name, StringComparer.OrdinalIgnoreCase));
        _hints = new QueryHints(row.Sql, _tables);
        _groups = new ColumnGroups(_tables, _hints);
        byte[] text = Encoding.UTF8.GetBytes($"{row.SqlContext}\0{row.SqlPrompt}\0{row.Sql}");
        _seed = seed ^ BinaryPrimitives.ReadInt64LittleEndian(XxHash128.Hash(text));
        foreach (var column in _tables.SelectMany(table => table.Columns))
        {
            // Columns that meet share the constants that are asked of one of them.
            var conditions = _groups.Members(column).SelectMany(member => _hints.Conditions.GetValueOrDefault(member, [])).ToList();
            if (conditions.Count > 0) _conditions.Add(column, conditions);
        }

        foreach (var table in _tables.Where(table => table.Sql.Contains("CHECK", StringComparison.OrdinalIgnoreCase)))
        {
            // What a CHECK asks for must be met by all values.
            foreach (var (column, conditions) in new QueryHints(table.Sql, [table]).Conditions) _conditions[column] = conditions;
        }

        _order = Ordered();
    }

    /// <summary>Whether a table that the reference reads has no rows, so that its result says little.</summary>
    public bool IsNeeded { get; }

    /// <summary>Fills the database.</summary>
    /// <param name="number">Which of the random databases this is.</param>
    public void Fill(int number)
    {
        var plan = FillPlan.Of(number);
        var maker = new ValueMaker(plan, new StableRandom(_seed, number));
        var values = new Dictionary<SchemaColumn, List<object?>>();
        foreach (var table in _tables.Where(table => !table.IsEmpty)) Remember(table, values);
        foreach (var table in _order.Where(table => table.IsEmpty && table.Columns.Count > 0))
        {
            FillTable(table, plan, maker, values);
        }
    }

    private void FillTable(SchemaTable table, FillPlan plan, ValueMaker maker, Dictionary<SchemaColumn, List<object?>> values)
    {
        bool refers = table.Columns.Exists(column => _groups.Owner(column) is { } owner && owner.Table != table);
        int rows = plan.Rows.From + maker.Below(plan.Rows.To - plan.Rows.From + 1);
        if (refers) rows = rows * 3 / 2;
        rows = Math.Max(rows, _hints.LargestCount * 4);
        string names = string.Join(", ", table.Columns.Select(column => SchemaTable.Quote(column.Name)));
        string marks = string.Join(", ", table.Columns.Select((_, index) => "?" + (index + 1)));
        using var insert = _database.PrepareInsert($"INSERT INTO {SchemaTable.Quote(table.Name)} ({names}) VALUES ({marks})");
        object?[] row = new object?[table.Columns.Count];
        foreach (var column in table.Columns) values[column] = [];
        int key = 1 + maker.Below(3);
        for (int count = 0, failures = 0; count < rows && failures < rows * Attempts;)
        {
            Make(table, row, plan, maker, values, ref key);
            if (!insert.TryRun(row))
            {
                failures++;
                continue;
            }

            count++;
            for (int index = 0; index < row.Length; index++) values[table.Columns[index]].Add(row[index]);
        }
    }

    private void Make(
        SchemaTable table, object?[] row, FillPlan plan, ValueMaker maker, Dictionary<SchemaColumn, List<object?>> values, ref int key)
    {
        bool isHit = maker.Chance(plan.Hits);
        key += maker.Chance(0.8) ? 1 : 2;
        for (int index = 0; index < row.Length; index++)
        {
            var column = table.Columns[index];
            bool isNumeric = _groups.Members(column).Any(_hints.Numeric.Contains);
            string pool = _groups.Pool(column);
            var conditions = _conditions.GetValueOrDefault(column);
            var owner = _groups.Owner(column);
            bool isForeign = table.ForeignKeys.Exists(foreign => foreign.From.Contains(column));
            bool mayBeNull = !column.IsNotNull && !column.IsKey && owner is null && !isForeign;
            if (mayBeNull && maker.Chance(plan.Nulls))
            {
                row[index] = null;
            }
            else if (owner is not null && owner != column && values.TryGetValue(owner, out var known) && known.Count > 0
                && (isForeign || !maker.Chance(plan.Strays)))
            {
                row[index] = known[column.IsKey ? maker.Below(known.Count) : maker.Skewed(known.Count)];
            }
            else if (column.IsKey && !(isHit && conditions is not null && maker.Chance(0.5)))
            {
                row[index] = ValueMaker.Key(pool, column, isNumeric, key);
            }
            else
            {
                row[index] = maker.Value(pool, column, isNumeric, conditions, isHit);
            }
        }

        foreach (var (from, to) in table.ForeignKeys)
        {
            // All columns of a foreign key come from one row of the other table, or are NULL.
            int count = to.Min(column => values.TryGetValue(column, out var known) ? known.Count : 0);
            int at = count == 0 ? -1 : maker.Skewed(count);
            for (int part = 0; part < from.Length; part++)
            {
                // The first row of a table that refers to itself may refer to itself alone.
                int place = table.Columns.IndexOf(from[part]);
                if (at >= 0) row[place] = values[to[part]][at];
                else row[place] = from[part].IsNotNull && to[part].Table == table ? row[table.Columns.IndexOf(to[part])] : null;
            }
        }
    }

    /// <summary>Keeps what a table of the context holds, so that others can refer to it.</summary>
    private void Remember(SchemaTable table, Dictionary<SchemaColumn, List<object?>> values)
    {
        if (table.Columns.Count == 0) return;
        string names = string.Join(", ", table.Columns.Select(column => SchemaTable.Quote(column.Name)));
        var rows = _database.Ask($"SELECT {names} FROM {SchemaTable.Quote(table.Name)} LIMIT 200");
        for (int index = 0; index < table.Columns.Count; index++)
            values[table.Columns[index]] = [.. rows.Select(row => row[index])];
    }

    /// <summary>Tables that others refer to first.</summary>
    private List<SchemaTable> Ordered()
    {
        var order = new List<SchemaTable>();
        var visited = new HashSet<SchemaTable>();
        foreach (var table in _tables) Visit(table);
        return order;

        void Visit(SchemaTable table)
        {
            if (!visited.Add(table)) return;
            foreach (var (_, to) in table.ForeignKeys) Visit(to[0].Table);
            foreach (var column in table.Columns)
                if (_groups.Owner(column) is { } owner && owner.Table != table) Visit(owner.Table);
            order.Add(table);
        }
    }
}
