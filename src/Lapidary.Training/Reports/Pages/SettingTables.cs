using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The settings: of several runs first those that differ.</summary>
internal static class SettingTables
{
    /// <summary>Writes the tables.</summary>
    public static void Write(HtmlText page, IReadOnlyList<RecordedRun> runs)
    {
        var settings = runs.Select(run => run.Settings.DistinctBy(pair => pair.Key).ToDictionary()).ToArray();
        ComparedRow[] rows = [.. settings.SelectMany(of => of.Keys).Distinct().Select(key =>
            new ComparedRow(key, [.. settings.Select(of => of.GetValueOrDefault(key))]))];
        if (runs.Count == 1)
        {
            ComparisonTable.Write(page, "All settings", runs, rows);
            return;
        }

        // A run whose settings are not known differs in none of them.
        bool[] isKnown = [.. settings.Select(of => of.Count > 0)];
        ComparedRow[] differing = [.. rows.Where(row => row.Values.Where((_, i) => isKnown[i]).Distinct().Count() > 1)];
        page.Add("h3", "What differs");
        if (differing.Length == 0) page.Add("p", "The runs have the same settings.");
        else ComparisonTable.Write(page, "Settings that differ", runs, differing);
        page.Open("details").Add("summary", $"The other {rows.Length - differing.Length} settings").Line();
        ComparisonTable.Write(page, "Settings that are the same", runs, [.. rows.Except(differing)]);
        page.Close().Line();
    }
}
