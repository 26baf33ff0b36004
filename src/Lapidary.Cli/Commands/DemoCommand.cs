using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Screens;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.TextToSql;
using Lapidary.Training;

namespace Lapidary.Cli.Commands;

/// <summary>demo: the complete workflow on the built-in model.</summary>
internal static class DemoCommand
{
    public const string Summary = "Show all steps on a built-in tiny model, in two to three minutes.";

    private static readonly DemoOptions Defaults = new();

    private static readonly Setting<string?> OutputDir =
        Setting.Text("output-dir", "DIR", "Folder for models and data.", Defaults.OutputDir);

    private static readonly Setting<int> Steps = Setting.Integer(
        "steps", "Optimizer steps; 0 for as many as this machine does in about 75 seconds.", 0, minimum: 0);

    private static readonly Setting<long> Seed =
        Setting.Long("seed", "Seed of the data, their order and the training.", Defaults.Seed);

    private static readonly Setting<bool> Overwrite = Setting.Flag("overwrite", "Replace an earlier demonstration in the folder.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("demo", Summary,
                "", "--output-dir demo --steps 100 --json")
            .Takes(OutputDir, Steps, Seed, DeviceSettings.Device, DeviceSettings.Threads, Overwrite)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var (values, people) = (run.Values, run.People);
        var options = new DemoOptions
        {
            OutputDir = values.Get(OutputDir)!,
            Steps = values.Get(Steps) is > 0 and var steps ? steps : null,
            Seed = values.Get(Seed),
            Overwrite = values.Get(Overwrite),
        };
        using var backend = DeviceSettings.CreateBackend(values);
        people.WriteLine($"The whole story on {backend.Description}, in the folder {options.OutputDir}.");
        var result = Run(run, options, backend);
        if (run.IsJson) run.PrintSummary(json => Write(json, result), _ => { });
        people.WriteLine($"\nDone in {result.Elapsed.TotalSeconds:F0} seconds. Each command above can be typed again.");
        people.WriteLine($"model      {result.Model}");
        people.WriteLine($"adapter    {result.Adapter}");
        people.WriteLine($"merged     {result.Merged}");
        people.WriteLine("The learning rate and the number of steps suit the tiny model only. For a real Gemma 3, accept its licence on "
            + "the model's page of the Hub, and train with the settings of Google's guide:");
        people.WriteLine("  lapidary login");
        people.WriteLine("  lapidary train --config gemma-3-1b-text-to-sql");
        string model = ShellText.Quote(result.Merged), question = Path.Combine(options.OutputDir, NextSteps.QuestionName);
        NextSteps.Show(people,
        [
            $"lapidary ask {ShellText.Quote(result.Tables)} {ShellText.Quote(result.Sample.Question)} --model {model}",
            $"lapidary generate --model {model} --messages {ShellText.Quote(question)}",
        ]);
    }

    private static DemoResult Run(CommandRun run, DemoOptions options, IBackend backend)
    {
        var (screen, people) = (run.Terminal.ScreenOf(run.IsJson), run.People);
        try
        {
            using var work = new WorkScreen(run.Terminal, run.IsJson);
            var log = TrainingScreen.Observer(screen, people, line => people.WriteLine("   " + run.Line(line)), backend.Memory);
            return new DemoRun(options, backend, new Story(people, log, work, screen)).Run(run.Interrupted);
        }
        finally
        {
            screen?.Clear();
        }
    }

    private static void Write(Utf8JsonWriter json, DemoResult result)
    {
        json.WriteString("output_dir", result.OutputDir);
        json.WriteString("model", result.Model);
        json.WriteString("adapter", result.Adapter);
        json.WriteString("merged", result.Merged);
        json.WriteString("tables", result.Tables);
        json.WriteNumber("parameters", result.Parameters);
        json.WriteNumber("trained_parameters", result.TrainedParameters);
        json.WriteNumber("train_rows", result.Rows.Train);
        json.WriteNumber("test_rows", result.Rows.Test);
        json.WriteNumber("steps", result.Steps);
        Write(json, "before", result.Before);
        Write(json, "after", result.After);
        json.WriteFinite("max_logit_distance", result.MergeDistance);
        json.WriteString("question", result.Sample.Question);
        json.WriteString("expected", result.Sample.Expected);
        json.WriteString("generated", result.Sample.Generated);
        json.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 1));
    }

    private static void Write(Utf8JsonWriter json, string name, SqlAccuracy accuracy)
    {
        json.WriteStartObject(name);
        json.WriteFinite("execution_accuracy", accuracy.ExecutionAccuracy);
        json.WriteStartArray("interval_95");
        json.WriteNumberValue(accuracy.Interval.Low);
        json.WriteNumberValue(accuracy.Interval.High);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Shows the workflow as lines of text.</summary>
    private sealed class Story(TextWriter people, ITrainingObserver log, WorkScreen work, Screen? screen) : IDemoObserver
    {
        public void OnDemoStep(DemoStep step)
        {
            screen?.Clear();
            people.WriteLine($"\n{step.Number}. {step.Title}: {step.Explanation}");
            if (step.Command is not null) people.WriteLine($"   $ {step.Command}");
        }

        public void OnResult(string text)
        {
            screen?.Clear();
            foreach (string line in text.Split('\n')) people.WriteLine($"   {PlainText.OneLine(line)}");
        }

        public void OnWork(WorkProgress progress) => work.Report(progress);

        public void OnStart(TrainingPlan plan) => log.OnStart(plan);

        public void OnStep(TrainingProgress progress) => log.OnStep(progress);

        public void OnLog(LogEntry entry) => log.OnLog(entry);

        public void OnMessage(string message) => log.OnMessage(message);
    }
}
