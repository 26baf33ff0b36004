using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>A section of the page.</summary>
/// <param name="Id">Its id, for links.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Write">Writes what is below the heading.</param>
internal sealed record PageSection(string Id, string Title, Action<HtmlText> Write)
{
    /// <summary>The sections that have something to show, in their order.</summary>
    public static IReadOnlyList<PageSection> All(IReadOnlyList<RecordedRun> runs)
    {
        List<PageSection> sections = [];
        string[] notes = [.. ReportNotes.Of(runs)];
        if (notes.Length > 0) sections.Add(new("notes", "Notes", page => ReportNotes.Write(page, notes)));
        sections.Add(new(
            "runs", runs.Count == 1 ? "Run" : "Runs",
            page => ComparisonTable.Write(page, "Runs and their results", runs, RunFacts.Overview(runs))));
        sections.Add(new("curves", "Curves", page => CurveFigures.Write(page, runs)));
        if (runs.Any(run => run.Samples.Count > 0)) sections.Add(new("answers", "Answers", page => SampleTables.Write(page, runs)));
        Add("data", "Data and labels", RunFacts.Data(runs));
        Add("memory", "Memory", RunFacts.Memory(runs));
        Add("sessions", "Sessions", RunFacts.Sessions(runs));
        if (runs.Any(run => run.Settings.Count > 0)) sections.Add(new("settings", "Settings", page => SettingTables.Write(page, runs)));
        return sections;

        void Add(string id, string title, IReadOnlyList<ComparedRow> rows)
        {
            if (rows.Count > 0) sections.Add(new(id, title, page => ComparisonTable.Write(page, title, runs, rows)));
        }
    }
}
