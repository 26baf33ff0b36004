using System.Globalization;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The charts: for each a legend in words, the place that the script draws in, and a table with the same values.</summary>
internal static class CurveFigures
{
    private const int MostRows = 100;

    /// <summary>Writes all charts.</summary>
    public static void Write(HtmlText page, IReadOnlyList<RecordedRun> runs)
    {
        var curves = Curve.Of(runs);
        if (curves.Count == 0)
        {
            page.Add("p", "Nothing has been logged yet.");
            return;
        }

        page.Open("noscript").Add("p", "Charts need JavaScript; the tables have the same values.").Close();
        page.Open("div", ("class", "figures")).Line();
        foreach (var curve in curves) Write(page, runs, curve);
        page.Close().Line();
    }

    private static void Write(HtmlText page, IReadOnlyList<RecordedRun> runs, Curve curve)
    {
        string title = $"{curve.Id}-title", legend = $"{curve.Id}-legend";
        page.Open("figure").Open("figcaption").Add("h3", curve.Title, ("id", title));
        if (curve.Unit.Length > 0) page.Add("p", curve.Unit, ("class", "quiet"));
        page.Open("ul", ("class", "legend"), ("id", legend));
        foreach (var line in curve.Lines)
        {
            page.Open("li");
            RunMarks.Write(page, line.Run);
            page.Open("span").Add("b", runs[line.Run].Name).Text($": {Course(curve, line)}").Close().Close();
        }

        page.Close().Close().Line();
        page.Open(
            "div", ("class", "plot"), ("id", curve.Id), ("role", "img"), ("tabindex", "0"), ("aria-labelledby", title),
            ("aria-describedby", legend), ("hidden", "")).Close();
        page.Add("p", "", ("class", "readout"), ("aria-live", "polite")).Line();
        page.Open("details").Open("summary").Text("Values").Add("span", $" of {curve.Title}", ("class", "unseen")).Close();
        Table(page, runs, curve);
        page.Close().Close().Line();
    }

    /// <summary>"2.8799 at step 1, 2.4109 at step 30, lowest 2.0776 at step 27, highest …".</summary>
    private static string Course(Curve curve, CurveLine line)
    {
        (int Step, double Value)[] finite = [.. line.Steps.Zip(line.Values).Where(point => double.IsFinite(point.Second))];
        if (finite.Length == 0) return "no finite number";
        if (finite.Length == 1) return At(finite[0]);
        var (low, high) = (finite.MinBy(point => point.Value), finite.MaxBy(point => point.Value));
        if (low.Value == high.Value) return $"{curve.Text(low.Value)} at all steps";
        return $"{At(finite[0])}, {At(finite[^1])}; lowest {At(low)}, highest {At(high)}";

        string At((int Step, double Value) point) =>
            string.Create(CultureInfo.InvariantCulture, $"{curve.Text(point.Value)} at step {point.Step}");
    }

    private static void Table(HtmlText page, IReadOnlyList<RecordedRun> runs, Curve curve)
    {
        int[] all = [.. curve.Lines.SelectMany(line => line.Steps).Distinct().Order()];
        int[] steps = all.Length <= MostRows
            ? all
            : [.. Enumerable.Range(0, MostRows).Select(i => all[(int)((long)i * (all.Length - 1) / (MostRows - 1))])];
        string caption = curve.Title + (steps.Length < all.Length ? $", {steps.Length} of {all.Length} steps" : "");
        ComparisonTable.OpenRegion(page, caption);
        page.Open("table").Add("caption", caption).Open("thead").Open("tr").Add("th", "step", ("scope", "col"));
        foreach (var line in curve.Lines) page.Add("th", runs[line.Run].Name, ("scope", "col"));
        page.Close().Close().Line().Open("tbody");
        Dictionary<int, double>[] values =
            [.. curve.Lines.Select(line => line.Steps.Zip(line.Values).ToDictionary(point => point.First, point => point.Second))];
        foreach (int step in steps)
        {
            page.Open("tr").Add("th", step.ToString(CultureInfo.InvariantCulture), ("scope", "row"));
            foreach (var ofRun in values) page.Add("td", ofRun.TryGetValue(step, out double value) ? curve.Text(value) : "–");
            page.Close().Line();
        }

        page.Close().Close().Close().Line();
    }
}
