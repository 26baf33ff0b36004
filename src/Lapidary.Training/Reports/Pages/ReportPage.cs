using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Cards;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The page: head, sections, data of the charts.</summary>
internal static class ReportPage
{
    /// <summary>How every report begins; a file without it is not replaced.</summary>
    private const string Beginning = "<!DOCTYPE html>\n<!-- A training report of Lapidary. -->\n";

    /// <summary>The page about some runs.</summary>
    /// <param name="runs">At least one run.</param>
    /// <param name="now">The time of the report.</param>
    public static string Of(IReadOnlyList<RecordedRun> runs, DateTimeOffset now)
    {
        var sections = PageSection.All(runs);
        string title = runs.Count == 1 ? $"Training report: {runs[0].Name}" : $"Training report: {runs.Count} runs";
        var page = new HtmlText().Own(Beginning);
        page.Open("html", ("lang", "en")).Line().Open("head").Line();
        page.AddEmpty("meta", ("charset", "utf-8")).Line();
        page.Own($"<meta http-equiv=\"Content-Security-Policy\" content=\"{PageAssets.Policy}\">").Line();
        page.AddEmpty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1")).Line();
        page.AddEmpty("meta", ("name", "color-scheme"), ("content", "light dark")).Line();
        page.AddEmpty("meta", ("name", "referrer"), ("content", "no-referrer")).Line();
        page.AddEmpty("link", ("rel", "icon"), ("href", "data:,")).Line();
        page.Add("title", title).Line();
        foreach (string styles in new[] { PageAssets.ChartStyles, PageAssets.Styles }) page.Open("style").Own(styles).Close().Line();
        page.Close().Line().Open("body").Line();
        page.Add("a", "Skip to the report", ("class", "skip"), ("href", "#main")).Line();

        page.Open("header").Open("div").Add("h1", title);
        string time = now.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        page.Add("p", $"Made by Lapidary {ProgramVersion.Number} on {time} UTC.", ("class", "quiet")).Close();
        page.Add("button", "Dark theme", ("type", "button"), ("id", "theme"), ("aria-pressed", "false"), ("hidden", ""));
        page.Close().Line();
        page.Open("nav", ("aria-label", "Sections")).Open("ul");
        foreach (var section in sections)
            page.Open("li").Add("a", section.Title, ("href", $"#{section.Id}")).Close();
        page.Close().Close().Line();

        page.Open("main", ("id", "main"), ("tabindex", "-1")).Line();
        foreach (var section in sections)
        {
            page.Open("section", ("aria-labelledby", section.Id)).Add("h2", section.Title, ("id", section.Id)).Line();
            section.Write(page);
            page.Close().Line();
        }

        page.Close().Line();
        page.Open("script", ("type", "application/json"), ("id", "curve-data")).Own(CurveJson.Of(runs)).Close().Line();
        foreach (string script in new[] { PageAssets.Charts, PageAssets.Script }) page.Open("script").Own(script).Close().Line();
        return page.Close().Line().Close().Line().ToString();
    }

    /// <summary>Whether a file is an earlier report.</summary>
    public static bool IsReport(string path)
    {
        try
        {
            using var file = InputFile.OpenRead(path);
            byte[] start = new byte[Beginning.Length];
            return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
                && Encoding.ASCII.GetString(start) == Beginning;
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            return false;
        }
    }
}
