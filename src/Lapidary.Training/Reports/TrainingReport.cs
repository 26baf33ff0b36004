using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Reports.Pages;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training;

/// <summary>A page about one or several runs: curves, evaluations, answers, data, memory and settings, side by side. It is one HTML file
/// that loads nothing, so it can be kept, sent and printed.</summary>
/// <remarks>A run that is still in progress, was stopped or has failed gives a report of what its folder holds.</remarks>
public sealed class TrainingReport
{
    /// <summary>The usual name of a report's file.</summary>
    public const string FileName = "report.html";

    private readonly IReadOnlyList<RecordedRun> _runs;
    private readonly TimeProvider _time;

    private TrainingReport(IReadOnlyList<RecordedRun> runs, TimeProvider time) => (_runs, _time) = (runs, time);

    /// <summary>Names of the runs in the report: those of their folders, with as much of the path as tells them apart.</summary>
    public IReadOnlyList<string> Runs => [.. _runs.Select(run => run.Name)];

    /// <summary>What was found to be damaged, incomplete or not a number, one line each. The report names it too.</summary>
    public IReadOnlyList<string> Notes => [.. ReportNotes.Of(_runs)];

    /// <summary>Reads the runs.</summary>
    /// <param name="folders">Output folders of runs, or checkpoints, in the order of the report. A folder that is named twice is read
    /// once.</param>
    /// <param name="time">The clock; null for the system clock.</param>
    /// <exception cref="ArgumentException">There is no folder.</exception>
    /// <exception cref="LapidaryException">A folder is missing, or holds no run.</exception>
    public static TrainingReport Read(IReadOnlyList<string> folders, TimeProvider? time = null)
    {
        if (folders.Count == 0) throw new ArgumentException("Expected at least one folder.", nameof(folders));
        string[] distinct = [.. folders.DistinctBy(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))];
        string[] names = DistinctNames.Of(distinct);
        return new([.. distinct.Zip(names, RunFiles.Read)], time ?? TimeProvider.System);
    }

    /// <summary>The page.</summary>
    public string ToHtml() => ReportPage.Of(_runs, _time.GetUtcNow());

    /// <summary>Writes the page, atomically. An earlier report of that name is replaced.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Whether to replace any other file, too.</param>
    /// <exception cref="LapidaryException">Another file has the name, or the file cannot be written.</exception>
    public void Write(string path, bool overwrite = false)
    {
        RequireReplaceable(path, overwrite);
        AtomicFile.WriteAllText(path, ToHtml());
    }

    /// <summary>Refuses a name that <see cref="Write"/> would refuse, before the work.</summary>
    /// <exception cref="LapidaryException">It would.</exception>
    internal static void RequireReplaceable(string path, bool overwrite)
    {
        if (Directory.Exists(path)) throw new LapidaryException($"{path}: expected the name of a file, found a folder; name a file in it.");
        AtomicFile.RequireOrdinary(path);
        if (overwrite || !InputFile.IsThere(path) || ReportPage.IsReport(path)) return;
        throw new LapidaryException(
            $"{path}: is there already, and is no report; choose another name, or set Overwrite to true to replace it.");
    }
}
