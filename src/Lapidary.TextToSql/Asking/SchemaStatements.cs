using System.Globalization;
using Lapidary.TextToSql.Asking.Files;

namespace Lapidary.TextToSql.Asking;

/// <summary>Tables as a model sees them: statements in the form of the guide's data set.</summary>
internal static class SchemaStatements
{
    private const int LongestText = 40;

    /// <summary>The statement that creates a table. A view has that of a table too, because its columns count.</summary>
    public static string Create(AskedTable table) => Create(table, table.Columns);

    /// <summary>The same with some of its columns.</summary>
    public static string Create(AskedTable table, IReadOnlyList<AskedColumn> columns)
    {
        var inKey = table.Columns.Where(column => column.KeyPart > 0).OrderBy(column => column.KeyPart);
        string[] keys = [.. inKey.Select(column => column.Name)];
        var parts = columns.Select(column => SqlName.Of(column.Name) + Typed(column.Type) + (keys is [var key] && key == column.Name
            ? " PRIMARY KEY" : "")).ToList();
        if (keys.Length > 1 && keys.All(Has)) parts.Add($"PRIMARY KEY ({Names(keys)})");
        foreach (var reference in table.References.Where(reference => reference.Columns.All(Has)))
        {
            string targets = reference.Targets.Count > 0 ? $"({Names(reference.Targets)})" : "";
            parts.Add($"FOREIGN KEY ({Names(reference.Columns)}) REFERENCES {SqlName.Of(reference.Table)}{targets}");
        }

        return $"CREATE TABLE {SqlName.Of(table.Name)} ({string.Join(", ", parts)});";

        bool Has(string name) => columns.Any(column => column.Name == name);
    }

    /// <summary>The statement that inserts the rows which show what values look like; empty without any.</summary>
    public static string Samples(AskedTable table) => table.Samples.Count == 0 ? "" :
        $"INSERT INTO {SqlName.Of(table.Name)} VALUES "
        + string.Join(", ", table.Samples.Select(row => $"({string.Join(", ", row.Select(Literal))})")) + ";";

    private static string Typed(string type) => type.Length == 0 ? "" : " " + type;

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(SqlName.Of));

    private static string Literal(object? value) => value switch
    {
        string text => $"'{Short(text).Replace("'", "''", StringComparison.Ordinal)}'",
        long or double => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        _ => "NULL",
    };

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= LongestText ? line : line[..(char.IsHighSurrogate(line[LongestText - 1]) ? LongestText - 1 : LongestText)];
    }
}
