using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Lapidary.Engine;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Databases.Sqlite;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Filling;

/// <summary>Fills the empty tables of a database at random: typed values, keys and foreign keys respected, constants of the reference and
/// values beside them, duplicates, NULLs.</summary>
/// <remarks>The same row and seed give the same databases. The answer that is scored has no part in it.</remarks>
internal sealed class DatabaseFiller
{
    private const int Attempts = 6;

    /// <summary>Rows that may roll all back; the table ends at the last one.</summary>
    private const int MaxFatal = 20;

    /// <summary>Tables of a schema that are all filled; of more, those that the reference reads, and what they refer to.</summary>
    private const int MaxTables = 100;

    private readonly GuardedDatabase _database;
    private readonly List<SchemaTable> _tables;
    private readonly List<SchemaTable> _order;
    private readonly QueryHints _hints;
    private readonly ColumnGroups _groups;
    private readonly Dictionary<SchemaColumn, List<Condition>> _conditions = [];
    private readonly long _seed;

    /// <summary>Tables of which one row takes too many steps: they stay empty.</summary>
    private readonly HashSet<SchemaTable> _slow = [];

    /// <summary>By database and table: the numbers of rows that roll all back, and are not tried again.</summary>
    private readonly Dictionary<(int Number, SchemaTable Table), List<int>> _fatal = [];

    /// <summary>A filler for one row of a data set.</summary>
    /// <param name="database">The database, with its schema.</param>
    /// <param name="row">The row.</param>
    /// <param name="seed">The seed of all.</param>
    public DatabaseFiller(GuardedDatabase database, TextToSqlRow row, long seed)
    {
        _database = database;
        database.IsReading(row.Sql, out _);
        string[] names = [.. database.TablesRead, .. SqlTokenizer.Tokens(row.Sql).Select(token => token.Value)];
        _tables = Wanted(Schema.Read(database), names.ToHashSet(StringComparer.OrdinalIgnoreCase));
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
            // Values that a CHECK does not allow are tried in vain; these are allowed.
            foreach (var (column, conditions) in new QueryHints(table.Sql, [table]).Conditions)
                _conditions[column] = [.. _conditions.GetValueOrDefault(column, []), .. conditions];
        }

        _order = Ordered();
    }

    /// <summary>Whether a table that a reference reads has no rows, so that its result says little.</summary>
    /// <param name="database">The database, which has just compiled the reference.</param>
    public static bool IsNeeded(GuardedDatabase database)
    {
        string[] read = [.. database.TablesRead];
        return database.Ask("SELECT name FROM sqlite_master WHERE type = 'table'").Select(row => (string)row[0]!)
            .Where(table => read.Contains(table, StringComparer.OrdinalIgnoreCase)).ToList()
            .Exists(table => Schema.IsEmpty(database, table));
    }

    /// <summary>Fills the database.</summary>
    /// <param name="number">Which of the random databases this is.</param>
    /// <exception cref="DatabaseFailure">It takes too much.</exception>
    public void Fill(int number)
    {
        // Where all was rolled back, the same again without the row that did it.
        while (!TryFill(number))
        {
            _database.UndoChanges();
            _database.BeginChanges();
        }
    }

    private bool TryFill(int number)
    {
        var plan = FillPlan.Of(number);
        var maker = new ValueMaker(plan, new StableRandom(_seed, number));
        var values = new Dictionary<SchemaColumn, List<object?>>();
        foreach (var table in _tables.Where(table => !table.IsEmpty)) Remember(table, values);
        foreach (var table in _order.Where(table => table.IsEmpty && table.Columns.Count > 0))
        {
            if (!FillTable(table, number, plan, maker, values)) return false;
        }

        return true;
    }

    private bool FillTable(
        SchemaTable table, int number, FillPlan plan, ValueMaker maker, Dictionary<SchemaColumn, List<object?>> values)
    {
        bool refers = table.Columns.Exists(column => _groups.Owner(column) is { } owner && owner.Table != table);
        int rows = plan.Rows.From + maker.Below(plan.Rows.To - plan.Rows.From + 1);
        if (refers) rows = rows * 3 / 2;
        rows = Math.Max(rows, _hints.LargestCount * 4);
        string names = string.Join(", ", table.Columns.Select(column => SchemaTable.Quote(column.Name)));
        string marks = string.Join(", ", table.Columns.Select((_, index) => "?" + (index + 1)));
        using var insert = _database.PrepareInsert($"INSERT INTO {SchemaTable.Quote(table.Name)} ({names}) VALUES ({marks})");
        foreach (var column in table.Columns) values[column] = [];
        if (insert is null) return true;
        object?[] row = new object?[table.Columns.Count];
        if (_slow.Contains(table)) return true;
        var fatal = _fatal.GetValueOrDefault((number, table), []);
        int key = 1 + maker.Below(3);
        for (int count = 0, failures = 0; count < rows && failures < rows * Attempts;)
        {
            Make(table, row, plan, maker, values, ref key);
            int attempt = count + failures;
            bool isFatal = fatal.Contains(attempt);
            if (isFatal && fatal.Count == MaxFatal && attempt == fatal[^1]) break;
            switch (isFatal ? InsertOutcome.Constrained : insert.Run(row))
            {
                case InsertOutcome.Constrained:
                    failures++;
                    continue;
                case InsertOutcome.Stopped:
                    _slow.Add(table);
                    return false;
                case InsertOutcome.RolledBack:
                    _fatal[(number, table)] = [.. fatal, attempt];
                    return false;
            }

            count++;
            for (int index = 0; index < row.Length; index++) values[table.Columns[index]].Add(row[index]);
        }

        return true;
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

    /// <summary>All tables; of very many those with one of the names, and what they refer to.</summary>
    private static List<SchemaTable> Wanted(List<SchemaTable> tables, HashSet<string> names)
    {
        if (tables.Count <= MaxTables) return tables;
        var wanted = new HashSet<SchemaTable>();
        var open = new Stack<SchemaTable>(tables.Where(table => names.Contains(table.Name)));
        while (open.TryPop(out var table))
        {
            if (!wanted.Add(table)) continue;
            foreach (var (_, to) in table.ForeignKeys) open.Push(to[0].Table);
        }

        return [.. tables.Where(wanted.Contains)];
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
