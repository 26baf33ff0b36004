using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Lora;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Manifests;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Cli.History;

/// <summary>Reads a run's folder: its manifest, or the files that older versions and transformers write.</summary>
internal static class RunReader
{
    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="name">The run's name.</param>
    /// <param name="settings">The settings of train.</param>
    /// <param name="say">Receives a line about a manifest that is not used.</param>
    /// <exception cref="LapidaryException">Another file is damaged, or of a later version.</exception>
    public static FoundRun Read(string folder, string name, IReadOnlyList<Setting> settings, Action<string> say)
    {
        string manifest = Path.Combine(folder, RunManifest.FileName);
        if (File.Exists(manifest) && File.Exists(Path.Combine(folder, RunSettings.FileName)))
        {
            try
            {
                return OfManifest(folder, name, RunManifest.Read(folder));
            }
            catch (LapidaryException)
            {
                var run = OfState(folder, name, settings); // of the other files, which are whole, or the error is theirs
                say($"{manifest}: is damaged, or of a later version of Lapidary; the run is shown as its other files describe it.");
                return run;
            }
        }

        return OfState(folder, name, settings);
    }

    /// <summary>The newest checkpoint with a state; null if none exists.</summary>
    public static string? LatestCheckpoint(string folder) => new CheckpointStore(folder, limit: 0).All()
        .Select(checkpoint => checkpoint.Folder).LastOrDefault(path => File.Exists(Path.Combine(path, TrainerState.FileName)));

    private static FoundRun OfManifest(string folder, string name, JsonSection json)
    {
        JsonSection[] sessions = json.Json[RunManifest.SessionsKey] is JsonArray list
            ? [.. list.OfType<JsonObject>().Select(session => new JsonSection(json.Path, session))]
            : [];
        double seconds = sessions.Sum(session => session.Number(RunManifest.SecondsKey, 0, 0, 1e9));
        double training = sessions.Sum(RunManifest.TrainingSeconds);
        double tokens = sessions.Sum(session => session.Number("tokens", 0, 0, double.MaxValue));
        var results = json.Section(RunManifest.ResultsKey);
        string? metric = results?.Text(RunManifest.MetricKey);
        string state = StateOf(json.Text(RunManifest.StateKey), folder);
        var newest = state == "finished" ? null : Newest(folder);
        string? recorded = json.Text(RunSettings.FolderKey);
        return new FoundRun(name, folder, state)
        {
            Model = json.Section("model")?.Text("name"),
            Step = Math.Max(results?.Int("global_step", 0, 0, int.MaxValue) ?? 0, newest?.Step ?? 0),
            MaxSteps = results?.Int("max_steps", 0, 0, int.MaxValue) ?? 0,
            Loss = newest?.Loss ?? Number(results, "last_loss"),
            EvalLoss = Number(results, "eval_loss"),
            EvalAccuracy = Number(results, "eval_token_accuracy"),
            Metric = metric,
            MetricValue = metric is null ? null : Number(results, $"eval_{metric}"),
            BestStep = Number(results, RunManifest.LoadedStepKey) is { } step ? (int)step : null,
            Started = sessions.Length > 0 ? ParseTime(sessions[0].Text("started")) : null,
            Time = seconds > 0 ? TimeSpan.FromSeconds(seconds) : null,
            TokensPerSecond = training > 0 ? tokens / training : null,
            Settings = json.Section(RunManifest.SettingsKey) is { } settings
                ? Texts(settings.Json, (key, value) => RunPaths.Keys.Contains(key) ? RunPaths.Full(value, folder, recorded) : value)
                : new Dictionary<string, string>(),
        };
    }

    private static FoundRun OfState(string folder, string name, IReadOnlyList<Setting> known)
    {
        bool isDone = File.Exists(Path.Combine(folder, TrainerState.FileName));
        var settings = OfRunFile(folder, known);
        if ((isDone ? folder : LatestCheckpoint(folder)) is not { } place) // it has saved nothing yet
        {
            return new FoundRun(name, folder, StateOf("running", folder))
            {
                Model = settings.GetValueOrDefault("model"),
                Started = TimeOf(Path.Combine(folder, RunSettings.FileName)),
                Settings = settings,
            };
        }

        var state = TrainerState.Read(place);
        if (isDone && settings.GetValueOrDefault("load_best_model_at_end") == "true")
            state = state with { LoadedCheckpoint = state.BestModelCheckpoint };
        var summary = new RunSummary(state);
        return new FoundRun(name, folder, isDone ? "finished" : StateOf("running", folder))
        {
            Model = settings.GetValueOrDefault("model") ?? BaseOf(place),
            Step = state.GlobalStep,
            MaxSteps = state.MaxSteps,
            Loss = summary.LastLoss,
            EvalLoss = summary.Evaluation?.EvalLoss,
            EvalAccuracy = summary.Evaluation?.EvalMeanTokenAccuracy,
            Metric = summary.Evaluation?.EvalMetric,
            MetricValue = summary.Evaluation?.EvalMetricValue,
            BestStep = summary.BestStep,
            Started = TimeOf(Path.Combine(place, TrainerState.FileName)),
            TokensPerSecond = state.LogHistory.LastOrDefault(entry => entry.TokensPerSecond is not null)?.TokensPerSecond,
            Settings = settings,
        };
    }

    /// <summary>A run was killed if it is marked as running and no process holds its folder.</summary>
    private static string StateOf(string? state, string folder) => state switch
    {
        "running" => FolderLock.OwnerOf(folder) is null ? "interrupted" : "running",
        "finished" or "interrupted" or "failed" => state,
        _ => "unknown",
    };

    private static Dictionary<string, string> OfRunFile(string folder, IReadOnlyList<Setting> known)
    {
        string path = Path.Combine(folder, RunSettings.FileName);
        return File.Exists(path)
            ? RunFile.Read(path, known).Values.ToDictionary(pair => pair.Key.Key, pair => pair.Value.Text)
            : [];
    }

    private static string? BaseOf(string folder) =>
        File.Exists(Path.Combine(folder, AdapterConfigFile.FileName)) ? AdapterConfigFile.Read(folder).BaseModelNameOrPath : null;

    private static Dictionary<string, string> Texts(JsonObject json, Func<string, string, string> value) =>
        json.ToDictionary(pair => pair.Key, pair => pair.Value is JsonArray list
            ? string.Join(',', list.Select(item => value(pair.Key, TextOf(item)))) : value(pair.Key, TextOf(pair.Value)));

    /// <summary>The newest step that a run's events have: a manifest and checkpoints are written less often. Null where none
    /// tells.</summary>
    private static LogEntry? Newest(string folder)
    {
        try
        {
            return EventLog.Read(folder).LastOrDefault(entry => entry.Loss is not null);
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            return null; // the manifest says enough, and 'report' names the damage
        }
    }

    private static string TextOf(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => node.ToJsonString(),
    };

    private static double? Number(JsonSection? json, string key) =>
        json?.Has(key) == true ? json.Number(key, 0, double.MinValue, double.MaxValue) : null;

    private static DateTimeOffset TimeOf(string file) => new(File.GetLastWriteTimeUtc(file), TimeSpan.Zero);

    private static DateTimeOffset? ParseTime(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
