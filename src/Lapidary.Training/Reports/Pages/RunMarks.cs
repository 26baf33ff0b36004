using System.Globalization;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The mark of a run: a short piece of its line. Runs differ by colour and by the line's pattern, so that neither is needed
/// alone.</summary>
internal static class RunMarks
{
    /// <summary>Colours of report.css (.run-0 and so on).</summary>
    private const int Colours = 8;

    /// <summary>Lengths of dashes and gaps. Their number and that of colours have no common factor, so 40 runs differ.</summary>
    private static readonly int[][] Patterns = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2]];

    /// <summary>The pattern of a run's line.</summary>
    public static IReadOnlyList<int> Pattern(int run) => Patterns[run % Patterns.Length];

    /// <summary>The class of a run's colour.</summary>
    public static string Class(int run) => string.Create(CultureInfo.InvariantCulture, $"run-{run % Colours}");

    /// <summary>Writes the mark, which screen readers skip.</summary>
    public static void Write(HtmlText page, int run)
    {
        page.Open(
            "svg", ("class", $"mark {Class(run)}"), ("viewBox", "0 0 28 8"), ("width", "28"), ("height", "8"), ("aria-hidden", "true"));
        page.Add(
            "line", "", ("x1", "0"), ("y1", "4"), ("x2", "28"), ("y2", "4"), ("stroke", "currentColor"), ("stroke-width", "2.5"),
            ("stroke-dasharray", Pattern(run) is { Count: > 0 } dashes ? string.Join(' ', dashes) : null));
        page.Close();
    }
}
