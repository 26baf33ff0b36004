using System.CommandLine;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.History;
using Lapidary.Cli.Output;
using Lapidary.Training.Manifests;

namespace Lapidary.Cli.Commands;

/// <summary>runs: the runs below a folder, side by side.</summary>
internal static class RunsCommand
{
    public const string Summary = "List the runs below a folder: how far each is, its losses, its time, and the options that differ.";

    /// <summary>Columns of the table where there is no screen.</summary>
    private const int PlainWidth = 120;

    private static readonly Argument<string> Folder = new("DIR")
    {
        Description = "The folder to look through; the current one where not given.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Setting<RunOrder> Sort = new(
        "sort", "ORDER", $"Which run comes first: {SettingText.Choices(typeof(RunOrder))}; the lowest evaluation loss, the newest, "
        + "the lowest training loss, or by name.",
        RunOrder.Eval, text => (RunOrder)SettingText.Enumeration(typeof(RunOrder), text));

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("runs", Summary,
                "", "experiments --sort time", "experiments --json")
            .Takes(Folder)
            .Takes([Sort])
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        string folder = run.Get(Folder) ?? ".";
        if (!Directory.Exists(folder))
            throw new ToolException($"{folder}: expected a folder, found {(File.Exists(folder) ? "a file" : "none")}; check the path.");
        var scan = RunScan.Of(folder, TrainCommand.AllSettings);
        var runs = RunComparison.Sorted(scan.Runs, run.Values.Get(Sort));
        var compared = RunComparison.Comparable(runs);
        var options = RunComparison.DifferingKeys(compared, TrainCommand.AllSettings);
        foreach (string note in scan.Notes) run.Note(note);
        foreach (var unreadable in scan.Unreadable)
        {
            bool isNamed = unreadable.Reason.StartsWith(unreadable.Folder, StringComparison.Ordinal);
            run.Note(isNamed ? unreadable.Reason : $"{unreadable.Folder}: {unreadable.Reason}");
        }

        run.Print(
            json => Write(json, scan, runs, options),
            text =>
            {
                if (runs.Count == 0) text.WriteLine($"there are no runs in {folder}; 'lapidary train' makes one in its --output-dir.");
                else foreach (string line in RunTable.Lines(compared, options, WidthOf(run))) text.WriteLine(line);
            });
    }

    /// <summary>A table in a file is read by people, too; programs take --json.</summary>
    private static int WidthOf(CommandRun run) => run.Terminal.ScreenOf(json: false)?.Width ?? PlainWidth;

    private static void Write(Utf8JsonWriter json, RunScan scan, IReadOnlyList<FoundRun> runs, IReadOnlyList<string> options)
    {
        json.WriteStartArray("runs");
        foreach (var run in runs)
        {
            json.WriteStartObject();
            json.WriteString("name", run.Name);
            json.WriteString("folder", Path.GetFullPath(run.Folder));
            json.WriteString("state", run.State);
            json.WriteString("model", run.Model);
            json.WriteNumber("global_step", run.Step);
            json.WriteNumber("max_steps", run.MaxSteps);
            json.WriteFinite("loss", run.Loss);
            json.WriteFinite("eval_loss", run.EvalLoss);
            json.WriteFinite("eval_token_accuracy", run.EvalAccuracy);
            if (run.BestStep is { } best) json.WriteNumber(RunManifest.LoadedStepKey, best);
            if (run.Metric is { } metric) json.WriteFinite($"eval_{metric}", run.MetricValue);
            if (run.Started is { } started) json.WriteString("started", started);
            else json.WriteNull("started");
            json.WriteFinite("seconds", run.Time?.TotalSeconds);
            json.WriteFinite("tokens_per_second", run.TokensPerSecond);
            json.WriteStartObject("settings");
            foreach (var (key, value) in run.Settings) json.WriteString(key, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("differing_settings");
        foreach (string key in options) json.WriteStringValue(key);
        json.WriteEndArray();
        json.WriteStartArray("unreadable");
        foreach (var unreadable in scan.Unreadable)
        {
            json.WriteStartObject();
            json.WriteString("folder", unreadable.Folder);
            json.WriteString("reason", unreadable.Reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
