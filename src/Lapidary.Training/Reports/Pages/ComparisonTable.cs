using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>A row of a comparison.</summary>
/// <param name="Label">What is compared.</param>
/// <param name="Values">A value for each run; null where it is not known.</param>
internal sealed record ComparedRow(string Label, IReadOnlyList<string?> Values)
{
    /// <summary>A row with a value of each run; null if no run has one.</summary>
    public static ComparedRow? Of(string label, IReadOnlyList<RecordedRun> runs, Func<RecordedRun, string?> value)
    {
        string?[] values = [.. runs.Select(value)];
        return values.All(string.IsNullOrEmpty) ? null : new(label, values);
    }
}

/// <summary>Runs side by side: a column for each run, a row for each thing that is compared.</summary>
internal static class ComparisonTable
{
    private const string Unknown = "–";

    /// <summary>Writes the table, in a region of its own that scrolls if it is wide.</summary>
    public static void Write(HtmlText page, string caption, IReadOnlyList<RecordedRun> runs, IReadOnlyList<ComparedRow> rows)
    {
        OpenRegion(page, caption);
        page.Open("table", ("class", "compared")).Add("caption", caption, ("class", "unseen"));
        page.Open("thead").Open("tr").Open("td").Close();
        foreach (var (i, run) in runs.Index())
        {
            page.Open("th", ("scope", "col"));
            RunMarks.Write(page, i);
            page.Text(run.Name).Close();
        }

        page.Close().Close().Line().Open("tbody");
        foreach (var row in rows)
        {
            page.Open("tr").Add("th", row.Label, ("scope", "row"));
            foreach (string? value in row.Values) page.Add("td", string.IsNullOrEmpty(value) ? Unknown : value);
            page.Close().Line();
        }

        page.Close().Close().Close().Line();
    }

    /// <summary>Opens a part of the page that scrolls by itself, also by keys.</summary>
    public static void OpenRegion(HtmlText page, string label) =>
        page.Open("div", ("class", "scroll"), ("role", "region"), ("aria-label", label), ("tabindex", "0"));
}
