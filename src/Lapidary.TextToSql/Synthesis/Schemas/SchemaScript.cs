using System.Globalization;
using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Schemas;

/// <summary>The statements of a table.</summary>
internal static class SchemaScript
{
    public static string Create(DrawnTable table, SchemaStyle style)
    {
        var parts = table.Columns.Select(column => $"{column.Name} {column.Type}" + column.Kind switch
        {
            ColumnKind.Key => " PRIMARY KEY",
            ColumnKind.Reference when style.InlineReferences => $" REFERENCES {column.Parent!.Name}({column.Parent.Key.Name})",
            ColumnKind.Label when style.HasConstraints => " NOT NULL",
            _ => "",
        }).ToList();
        if (!style.InlineReferences)
        {
            parts.AddRange(table.References.Select(
                column => $"FOREIGN KEY ({column.Name}) REFERENCES {column.Parent!.Name}({column.Parent.Key.Name})"));
        }

        return $"CREATE TABLE {table.Name} ({string.Join(", ", parts)});";
    }

    public static string Fill(DrawnTable table, SchemaStyle style)
    {
        string columns = style.NamesColumns ? $" ({string.Join(", ", table.Columns.Select(column => column.Name))})" : "";
        var rows = table.Rows.Select(row => $"({string.Join(", ", row.Select(value => Literal(value, style)))})");
        return $"INSERT INTO {table.Name}{columns} VALUES {string.Join(", ", rows)};";
    }

    /// <summary>A value in SQL.</summary>
    public static string Literal(object? value, SchemaStyle style) => value switch
    {
        null => "NULL",
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        bool flag => style.WordsForFlags ? flag ? "TRUE" : "FALSE" : flag ? "1" : "0",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
