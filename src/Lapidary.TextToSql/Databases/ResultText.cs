using System.Globalization;
using System.Text;
using Lapidary.Formats;

namespace Lapidary.TextToSql.Databases;

/// <summary>A query's result as a table of plain text.</summary>
internal static class ResultText
{
    private const int MostRows = 5, WidestCell = 24;

    /// <summary>Columns' names, and the first rows.</summary>
    public static string Of(SqlResult result)
    {
        List<string[]> lines = [[.. result.Columns.Select(Short)]];
        lines.AddRange(result.Rows.Take(MostRows).Select(row => row.Select(value => Short(Text(value))).ToArray()));
        int[] widths = [.. Enumerable.Range(0, result.Columns.Count).Select(column => lines.Max(line => line[column].Length))];
        var text = new StringBuilder();
        foreach (string[] line in lines)
            text.AppendLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        if (result.RowCount > MostRows) text.AppendLine($"({Amount.Of(result.RowCount - MostRows, "more row")})");
        return text.ToString().TrimEnd();
    }

    private static string Text(object? value) => value switch
    {
        null => "NULL",
        byte[] bytes => $"{bytes.Length} bytes",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= WidestCell ? line : line[..(WidestCell - 1)] + "…";
    }
}
