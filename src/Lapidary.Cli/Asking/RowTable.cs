using Lapidary.Cli.Screens;
using Lapidary.Formats;
using Lapidary.TextToSql;
using Spectre.Console;

namespace Lapidary.Cli.Asking;

/// <summary>Rows as a table for people: numbers to the right, long texts cut, and as many columns as the screen has room for.</summary>
internal static class RowTable
{
    private const int WidestCell = 60, BorderWidth = 3;

    /// <summary>Wider than any table, for files and pipes.</summary>
    private const int AnyWidth = 100_000;

    /// <summary>The table's lines.</summary>
    /// <param name="result">The rows.</param>
    /// <param name="width">Columns of the screen; null for no limit.</param>
    public static string Of(SqlResult result, int? width)
    {
        string[][] cells = [.. result.Rows.Select(row => row.Select(Cell).ToArray())];
        string[] names = [.. result.Columns.Select(Cut)];
        int columns = Fitting(names, cells, width ?? AnyWidth);
        var table = new Table { Border = TableBorder.Rounded, UseSafeBorder = false };
        for (int i = 0; i < columns; i++)
        {
            bool isNumber = result.Rows.Any(row => row[i] is not null) && result.Rows.All(row => row[i] is null or long or double);
            table.AddColumn(new TableColumn(new Text(names[i])) { NoWrap = true, Alignment = isNumber ? Justify.Right : Justify.Left });
        }

        foreach (string[] row in cells) table.AddRow(row.Take(columns).Select(cell => new Text(cell)));
        using var text = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = width ?? AnyWidth;
        console.Profile.Capabilities.Unicode = true;
        console.Write(table);
        string lines = string.Join('\n', text.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Select(line => line.TrimEnd()));
        int left = result.Columns.Count - columns;
        return left == 0 ? lines : $"{lines}\n"
            + $"({Amount.Of(left, "more column has", "more columns have")} no room here; another format has all)";
    }

    private static string Cell(object? value) => Cut(value switch
    {
        null => "NULL",
        byte[] bytes => $"{bytes.Length} bytes",
        _ => RowText.Plain(value),
    });

    private static string Cut(string text)
    {
        string line = Printable.Line(text.ReplaceLineEndings(" "), Printable.MaxValueLength);
        return LineLayout.Width(line) <= WidestCell ? line : LineLayout.Cut(line, WidestCell - 1) + "…";
    }

    /// <summary>Number of columns that fit, at least one.</summary>
    private static int Fitting(string[] names, string[][] cells, int width)
    {
        int used = 1, count = 0;
        for (; count < names.Length; count++)
        {
            int column = count;
            used += BorderWidth + cells.Select(row => LineLayout.Width(row[column])).Append(LineLayout.Width(names[column])).Max();
            if (used > width) break;
        }

        return Math.Max(1, count);
    }
}
