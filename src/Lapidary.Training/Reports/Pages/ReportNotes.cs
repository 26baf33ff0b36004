using Lapidary.Formats;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>What a reader must know before the numbers: errors, damaged files, runs that are not finished, values that are no
/// numbers.</summary>
internal static class ReportNotes
{
    private const int MostSteps = 8;

    /// <summary>The notes, one line each.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<RecordedRun> runs) => runs.SelectMany(Of);

    /// <summary>Writes the notes.</summary>
    public static void Write(HtmlText page, IEnumerable<string> notes)
    {
        page.Open("ul", ("class", "notes"));
        foreach (string note in notes) page.Add("li", note);
        page.Close().Line();
    }

    private static IEnumerable<string> Of(RecordedRun run)
    {
        string steps = run.MaxSteps > 0 ? $"{run.Step} of {Amount.Of(run.MaxSteps, "step")}" : Amount.Of(run.Step, "step");
        if (run.State == "running") yield return $"{run.Name}: is still running; this is what its folder held after {steps}.";
        if (run.State == "interrupted") yield return $"{run.Name}: was interrupted after {steps}.";
        if (run.State == "failed")
            yield return $"{run.Name}: failed after {steps}{(run.LastSession?.Error is { } error ? $": {error}" : ".")}";
        if (run.State == "unknown") yield return $"{run.Name}: is not finished; {steps} are known.";
        if (run.Log.Count == 0) yield return $"{run.Name}: has logged nothing yet.";
        foreach (string fault in run.Faults) yield return $"{run.Name}: {fault}";
        foreach (var curve in Curve.Of([run]))
        {
            int[] odd = [.. curve.Lines.SelectMany(line => line.NotFinite)];
            if (odd.Length == 0) continue;
            string listed = string.Join(", ", odd.Take(MostSteps)) + (odd.Length > MostSteps ? $" and {odd.Length - MostSteps} more" : "");
            yield return $"{run.Name}: {curve.Title} is not a finite number at {(odd.Length == 1 ? "step" : "steps")} {listed}; "
                + "the curve has a gap there.";
        }
    }
}
