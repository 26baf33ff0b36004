namespace Lapidary.Cli.Screens;

/// <summary>Styles for words on a screen. Only bold, dim and colours of the terminal's theme, and never a background, so that text is
/// readable on light and dark screens.</summary>
internal static class Theme
{
    private const string Reset = "\e[0m", Bold = "\e[1m", Dim = "\e[2m", BoldRed = "\e[1;31m", BoldGreen = "\e[1;32m",
        BoldMagenta = "\e[1;35m", Green = "\e[32m";

    private const string ErrorStart = "lapidary: ";

    /// <summary>The first row of a line, with its label in its style.</summary>
    /// <param name="row">The row.</param>
    /// <param name="labelWidth">Columns of the label with the spaces after it.</param>
    public static string Paint(string row, int labelWidth)
    {
        if (row.StartsWith(ErrorStart, StringComparison.Ordinal)) return $"{BoldRed}lapidary:{Reset}{row[(ErrorStart.Length - 1)..]}";
        if (labelWidth != LineLayout.LabelWidth || row.Length == 0 || row[0] == ' ') return row;
        string label = row[..Math.Min(labelWidth, row.Length)].TrimEnd();
        string style = label switch
        {
            "warning" or "stopped" => BoldMagenta,
            "done" => BoldGreen,
            "next" or "note" => Bold,
            _ => Dim,
        };
        return $"{style}{label}{Reset}{row[label.Length..]}";
    }

    /// <summary>A bar's two parts.</summary>
    public static string Bar(string filled, string empty) => $"{Green}{filled}{Reset}{Dim}{empty}{Reset}";

    /// <summary>Trained text, which stands out, or other text, which is dimmed.</summary>
    public static string Trained(string text, bool isTrained) => $"{(isTrained ? BoldGreen : Dim)}{text}{Reset}";

    /// <summary>Less important text.</summary>
    public static string Aside(string text) => $"{Dim}{text}{Reset}";
}
