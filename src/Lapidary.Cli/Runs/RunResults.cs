using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Hub;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;
using Lapidary.Training.Manifests;
using Lapidary.Training.Publishing;

namespace Lapidary.Cli.Runs;

/// <summary>The folder of a finished run, uploaded by hand.</summary>
internal static class RunResults
{
    /// <summary>Files of a run's folder that are not for others: paths of this machine, rows of the data, state for resuming.</summary>
    public static IReadOnlyList<string> Own { get; } =
    [
        RunSettings.FileName, RunManifest.FileName, SampleFile.FileName, TrainingReport.FileName, NextSteps.QuestionName,
        NextSteps.PromptName, "checkpoint-*", "runs/*",
    ];

    /// <summary>Whether a run has left its adapter or its model in a folder.</summary>
    public static bool AreIn(string folder) =>
        new[] { RunSettings.FileName, TrainerState.FileName }.All(name => File.Exists(Path.Combine(folder, name)))
        && (HasAdapter(folder) || MethodFiles.In(folder) == TrainingMethod.Full);

    /// <summary>The card for a run's result; null if the run's files do not say enough.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="repo">The target repository.</param>
    /// <param name="readSettings">Reads the settings of train from a file.</param>
    /// <param name="model">Those of the model.</param>
    public static string? Card(string folder, HubRepo repo, Func<string, SettingValues> readSettings, ModelSettings model)
    {
        if (!AreIn(folder)) return null;
        try
        {
            var values = readSettings(Path.Combine(folder, RunSettings.FileName));
            var (config, state) = (SftSettings.Read(values), TrainerState.Read(folder));
            if (config.LoadBestModelAtEnd) state = state with { LoadedCheckpoint = state.BestModelCheckpoint };
            bool isAdapter = HasAdapter(folder);
            string? sized = isAdapter ? values.Get(model.Model) : folder;
            var sizes = File.Exists(Path.Combine(sized ?? "", GemmaConfig.FileName)) ? GemmaConfig.Load(sized!) : null;
            return new RunCard(isAdapter ? AdapterConfigFile.Read(folder) : null, config, state)
            {
                Base = values.Get(model.Model),
                BaseConfig = sizes,
                Architecture = isAdapter ? null : (string?)sizes?.Json["architectures"]?[0],
                Repo = repo,
                Datasets = DataSettings.DataSet.FormatValues(values.Get(DataSettings.DataSet)),
                IsQuantized = values.Get(model.Quantization) == QuantizationKind.Nf4,
                TrainRows = RowsOf(folder, "train"),
                EvaluationRows = RowsOf(folder, "evaluation"),
            }.ToText();
        }
        catch (LapidaryException)
        {
            return null; // The folder is sent as it is; a card is an extra.
        }
    }

    private static bool HasAdapter(string folder) => File.Exists(Path.Combine(folder, AdapterConfigFile.FileName));

    /// <summary>The number of rows of a kind in the run's manifest; null if it has none.</summary>
    private static int? RowsOf(string folder, string kind)
    {
        if (!File.Exists(Path.Combine(folder, RunManifest.FileName))) return null;
        var rows = RunManifest.Read(folder).Section(RunManifest.DataKey)?.Section(kind);
        return rows?.Has("rows") == true ? rows.Int("rows", 0, 0, int.MaxValue) : null;
    }
}
