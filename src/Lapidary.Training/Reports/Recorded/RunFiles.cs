using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;
using Lapidary.Training.Manifests;

namespace Lapidary.Training.Reports.Recorded;

/// <summary>Reads a run's folder: its manifest, its log, its events and its samples. A damaged file is a fault of the run, and the others
/// are read all the same.</summary>
internal static class RunFiles
{
    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The run's folder, or a checkpoint.</param>
    /// <param name="name">The run's name in the report.</param>
    /// <exception cref="LapidaryException">The folder is missing, or is that of no run.</exception>
    public static RecordedRun Read(string folder, string name)
    {
        if (!Directory.Exists(folder))
        {
            throw new LapidaryException(
                $"{folder}: expected the folder of a run, found {(File.Exists(folder) ? "a file" : "none")}; check the path.");
        }

        bool hasManifest = File.Exists(Path.Combine(folder, RunManifest.FileName))
            && File.Exists(Path.Combine(folder, RunSettings.FileName));
        bool isDone = File.Exists(Path.Combine(folder, TrainerState.FileName));
        string? place = isDone ? folder : LatestCheckpoint(folder);
        if (!hasManifest && place is null)
        {
            throw new LapidaryException(
                $"{folder}: expected the folder of a run, found neither {TrainerState.FileName} nor {RunManifest.FileName} "
                + "nor a checkpoint; name the output_dir of a run ('lapidary runs' finds those below a folder).");
        }

        List<string> faults = [];
        var run = new RecordedRun(name, folder) { State = isDone ? "finished" : "unknown" };
        if (!hasManifest) faults.Add($"there is no {RunManifest.FileName}: settings, data and memory of the run are not known");
        else if (Try(() => RunManifest.Read(folder), faults) is { } manifest) run = Try(() => OfManifest(run, manifest), faults) ?? run;
        var state = place is null ? null : Try(() => TrainerState.Read(place), faults);
        var log = state?.LogHistory ?? [];
        if (state is null || !isDone) log = WithEvents(log, Try(() => EventLog.Read(folder), faults) ?? []);
        var evaluated = log.Where(entry => entry.EvalLoss is not null).Select(entry => entry.Step).ToHashSet();
        return run with
        {
            Log = log,
            Step = Math.Max(Math.Max(run.Step, state?.GlobalStep ?? 0), log.Count > 0 ? log.Max(entry => entry.Step) : 0),
            MaxSteps = Math.Max(run.MaxSteps, state?.MaxSteps ?? 0),
            Samples = [.. (Try(() => SampleFile.Read(folder), faults) ?? []).Where(one => evaluated.Contains(one.Step))],
            Faults = faults,
        };
    }

    /// <summary>A state without its events ends at a checkpoint.</summary>
    private static IReadOnlyList<LogEntry> WithEvents(IReadOnlyList<LogEntry> log, IReadOnlyList<LogEntry> events)
    {
        int last = log.Count > 0 ? log[^1].Step : -1;
        return [.. log, .. events.Where(entry => entry.Step > last)];
    }

    private static string? LatestCheckpoint(string folder) => new CheckpointStore(folder, limit: 0).All()
        .Select(checkpoint => checkpoint.Folder).LastOrDefault(path => File.Exists(Path.Combine(path, TrainerState.FileName)));

    private static RecordedRun OfManifest(RecordedRun run, JsonSection json)
    {
        string? recorded = json.Text(RunSettings.FolderKey);
        var (model, results, data) = (
            json.Section(RunManifest.ModelKey), json.Section(RunManifest.ResultsKey), json.Section(RunManifest.DataKey));
        return run with
        {
            State = StateOf(json.Text(RunManifest.StateKey), run.Folder),
            Model = model?.Text("name"),
            TrainedValues = Whole(model, "trained_values"),
            Step = results?.Int("global_step", 0, 0, int.MaxValue) ?? 0,
            MaxSteps = results?.Int("max_steps", 0, 0, int.MaxValue) ?? 0,
            LoadedStep = results?.Has(RunManifest.LoadedStepKey) == true
                ? results.Int(RunManifest.LoadedStepKey, 0, 0, int.MaxValue)
                : null,
            Settings = json.Section(RunManifest.SettingsKey) is { } settings ? Texts(settings.Json, PathOf) : [],
            Data = [.. (data?.Texts("names") ?? []).Select(name => PathOf("dataset", name))],
            Train = Rows(data?.Section("train")),
            Evaluation = Rows(data?.Section("evaluation")),
            Sessions = json.Json[RunManifest.SessionsKey] is JsonArray list
                ? [.. list.OfType<JsonObject>().Select(session => SessionOf(new JsonSection(json.Path, session)))]
                : [],
        };

        string PathOf(string key, string value) =>
            RunPaths.Keys.Contains(key) && RunPaths.Full(value, run.Folder, recorded) is var full && Path.IsPathFullyQualified(full)
                ? Seen(full) : value;
    }

    /// <summary>A path as a reader knows it, and two runs compare it: from the current folder on if it is below that, else as a whole. A
    /// run's files have it as seen from the run's folder.</summary>
    private static string Seen(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return Path.IsPathFullyQualified(relative) || relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    private static RecordedSession SessionOf(JsonSection json)
    {
        var planned = json.Section(RunManifest.PlannedKey);
        var owners = planned?.Section("owners");
        return new RecordedSession
        {
            Started = json.Text("started"),
            Ended = json.Text("ended"),
            State = json.Text(RunManifest.StateKey),
            Error = json.Text(RunManifest.ErrorKey),
            Device = json.Text("device"),
            Ranks = Whole(json, "ranks"),
            Host = json.Text("host"),
            Version = json.Section("lapidary")?.Text("version"),
            FirstStep = Whole(json, "first_step"),
            LastStep = Whole(json, "last_step"),
            Seconds = json.Has(RunManifest.SecondsKey) ? json.Number(RunManifest.SecondsKey, 0, 0, 1e9) : null,
            TrainingSeconds = RunManifest.TrainingSeconds(json),
            Tokens = Whole(json, "tokens"),
            PeakBytes = Whole(json, RunManifest.PeakKey),
            PlannedBytes = Whole(planned, "bytes"),
            AvailableBytes = Whole(planned, "available_bytes"),
            PlannedOwners = owners is null
                ? []
                : [.. owners.Json.Select(pair => KeyValuePair.Create(pair.Key, Whole(owners, pair.Key) ?? 0))],
        };
    }

    private static RecordedRows? Rows(JsonSection? json) => json is null
        ? null
        : new(Whole(json, "rows"), Whole(json, "sequences"), Whole(json, "tokens"), Whole(json, "trained_tokens"),
            Whole(json, "truncated_rows"), Whole(json, "truncated_tokens"), Whole(json, "dropped_rows"), Whole(json, "longest_row"));

    private static long? Whole(JsonSection? json, string key) =>
        json?.Has(key) == true ? (long)json.Number(key, 0, 0, 1L << 53) : null;

    /// <summary>A run was killed if it is marked as running and no process holds its folder.</summary>
    private static string StateOf(string? state, string folder) => state switch
    {
        "running" => FolderLock.OwnerOf(folder) is null ? "interrupted" : "running",
        "finished" or "interrupted" or "failed" => state,
        _ => "unknown",
    };

    private static List<KeyValuePair<string, string>> Texts(JsonObject json, Func<string, string, string> seen) =>
    [
        .. json.Select(pair => KeyValuePair.Create(pair.Key, string.Join(
            ", ", (pair.Value is JsonArray list ? list : [pair.Value?.DeepClone()]).Select(item => seen(pair.Key, TextOf(item)))))),
    ];

    private static string TextOf(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : node?.ToJsonString() ?? "";

    private static T? Try<T>(Func<T> read, List<string> faults) where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            faults.Add(Printable.Line(e.Message, Printable.MaxMessageLength));
            return null;
        }
    }
}
