using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Training;

namespace Lapidary.Cli.History;

/// <summary>report: one HTML page about runs.</summary>
internal static class ReportCommand
{
    public const string Summary = "Write one HTML page about runs: curves, answers, data, memory, settings.";

    private static readonly Argument<string[]> Folders = new("RUN")
    {
        Description = "Folders of runs (each the --output-dir of a training), side by side on the page.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Setting<string?> Output = Setting.Text(
        "output", "FILE",
        $"The page; not given: {TrainingReport.FileName} in the folder of the run, of several runs in the current folder.");

    private static readonly Setting<bool> Overwrite = Setting.Flag(
        "overwrite", "Replace a file of that name that is no report; an earlier report is always replaced.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("report", Summary,
                "my-adapter", "experiments/low experiments/high --output compared.html", "my-adapter --json")
            .Takes(Folders)
            .Takes(Output, Overwrite)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        string[] folders = run.Get(Folders) ?? [];
        if (folders.Length == 0) throw run.Wrong("expected the folder of at least one run, found none.");
        var report = TrainingReport.Read(folders);
        string output = run.Values.Get(Output)
            ?? Path.Combine(report.Runs.Count == 1 ? folders[0] : "", TrainingReport.FileName);
        run.RequireFile($"--{Output.Name}", output);
        report.Write(output, run.Values.Get(Overwrite));
        foreach (string note in report.Notes) run.Note(note);
        run.PrintSummary(
            json =>
            {
                json.WriteString("report", Path.GetFullPath(output));
                json.WriteNumber("bytes", new FileInfo(output).Length);
                json.WriteStartArray("runs");
                foreach (string name in report.Runs) json.WriteStringValue(name);
                json.WriteEndArray();
                json.WriteStartArray("notes");
                foreach (string note in report.Notes) json.WriteStringValue(note);
                json.WriteEndArray();
            },
            text => text.WriteLine(
                $"report     {PlainText.OneLine(output)}: {Amount.Of(report.Runs.Count, "run")}"));
    }
}
