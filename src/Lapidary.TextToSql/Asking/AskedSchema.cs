using Lapidary.TextToSql.Asking.Files;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Asking;

/// <summary>Tables and views of a database.</summary>
/// <param name="Tables">In the order of their creation.</param>
/// <param name="Virtuals">Names of virtual tables, which are left out.</param>
/// <param name="Notes">What is left out, one line each.</param>
internal sealed record AskedSchema(IReadOnlyList<AskedTable> Tables, IReadOnlyList<string> Virtuals, IReadOnlyList<string> Notes)
{
    private const int SampleRows = 3;

    /// <summary>Reads it.</summary>
    /// <exception cref="DatabaseFailure">The file cannot be read.</exception>
    public static AskedSchema Read(GuardedDatabase database)
    {
        var tables = new List<AskedTable>();
        var notes = new List<string>();
        var virtuals = new List<string>();
        foreach (object?[] row in database.Ask(
            "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            + "ORDER BY rowid"))
        {
            string name = (string)row[0]!;
            bool isView = row[1] is "view";
            if (IsVirtual(row[2] as string)) virtuals.Add(name);
            else if (virtuals.Exists(table => name.StartsWith(table + "_", StringComparison.OrdinalIgnoreCase))) continue;
            else if (TryRead(database, name, isView, out string why) is { } table) tables.Add(table);
            else notes.Add($"the view {SqlName.Of(name)} is left out: {why}");
        }

        if (virtuals.Count > 0) notes.Add($"virtual tables are left out: {string.Join(", ", virtuals.Select(SqlName.Of))}.");
        return new AskedSchema(tables, virtuals, notes);
    }

    private static AskedTable? TryRead(GuardedDatabase database, string name, bool isView, out string why)
    {
        why = "";
        if (isView)
        {
            // Compiled under the guard first: a view may name what is not there, or what no query may use.
            var outcome = database.Run($"SELECT * FROM {SqlName.Quoted(name)} LIMIT 0", GuardMode.Read);
            if (outcome.Failure is { } failure)
            {
                why = QueryFailures.Corrected(failure, "SELECT", []).Message;
                return null;
            }
        }

        return new AskedTable
        {
            Name = name,
            IsView = isView,
            Columns = Columns(database, name),
            References = isView ? [] : References(database, name),
            Samples = isView ? [] : Samples(database, name),
        };
    }

    private static AskedColumn[] Columns(GuardedDatabase database, string table) =>
    [
        .. database.Ask("SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden != 1 ORDER BY cid", table)
            .Select(row => new AskedColumn((string)row[0]!, row[1] as string ?? "", (int)(row[2] as long? ?? 0))),
    ];

    private static AskedReference[] References(GuardedDatabase database, string table) =>
    [
        .. database.Ask("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq", table)
            .GroupBy(row => (long)row[0]!)
            .Select(key => new AskedReference(
                [.. key.Select(row => (string)row[2]!)], (string)key.First()[1]!,
                [.. key.Select(row => row[3] as string).OfType<string>()])),
    ];

    private static List<object?[]> Samples(GuardedDatabase database, string table) =>
        database.Run($"SELECT * FROM {SqlName.Quoted(table)} LIMIT {SampleRows}", GuardMode.Read).Result?.Rows ?? [];

    private static bool IsVirtual(string? sql) =>
        sql is not null && SqlTokenizer.Tokens(sql) is [_, var second, ..] && second.Is("virtual");
}
