using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Manifests;

/// <summary>manifest.json of a run's folder: the program, the model, the data, the settings, place and time of the run, and its results.
/// 'train' accepts it in place of run.yaml, because it has the same settings. It contains paths of this machine and is not
/// pushed.</summary>
/// <remarks>It is rewritten as a whole at the start, with every checkpoint and at the end. A resumed run adds a session. The manifest only
/// describes the run: if it cannot be written, the run continues and reports this.</remarks>
internal sealed class RunManifest
{
    /// <summary>The file's name in a run's folder.</summary>
    public const string FileName = RunNames.Manifest;

    /// <summary>The key of the file's version; it comes first.</summary>
    public const string VersionKey = "manifest_version";

    /// <summary>The version of new files.</summary>
    public const int Version = 1;

    /// <summary>The key of the settings, which are those of run.yaml.</summary>
    public const string SettingsKey = "settings";

    /// <summary>Keys that other code reads.</summary>
    public const string StateKey = "state", ResultsKey = "results", SessionsKey = "sessions", DataKey = "data";

    /// <summary>Keys of the hashes and of a hash's value, of the model and of its commit.</summary>
    public const string HashesKey = "hashes", HashKey = "value", ModelKey = "model", CommitKey = "commit",
        MetricKey = "eval_metric";

    /// <summary>The key of the step whose checkpoint the run ended with; null for the last step.</summary>
    public const string LoadedStepKey = "loaded_step";

    /// <summary>Keys of a session: its planned and its measured memory, and the error that ended it.</summary>
    public const string PlannedKey = "planned_memory", PeakKey = "peak_bytes", ErrorKey = "error";

    /// <summary>Keys of a session: its length, and that of its optimizer steps alone, by which speed is counted. Version 0.1 has no such
    /// key.</summary>
    public const string SecondsKey = "seconds", TrainingSecondsKey = "training_seconds";

    private const long MaxBytes = 64 << 20;

    private readonly string _folder;
    private readonly PendingIdentity _identity;
    private readonly TimeProvider _time;
    private readonly Action<string> _say;
    private readonly JsonObject _json;
    private readonly JsonObject _session;
    private readonly long _tokensBefore;
    private readonly long _started;

    private RunManifest(
        string folder, PendingIdentity identity, TimeProvider time, Action<string> say, JsonObject json, JsonObject session,
        long tokensBefore)
    {
        (_folder, _identity, _time, _say) = (folder, identity, time, say);
        (_json, _session, _tokensBefore) = (json, session, tokensBefore);
        _started = time.GetTimestamp();
    }

    /// <summary>Starts a session.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="run">The run.</param>
    /// <param name="settings">The settings of run.yaml.</param>
    /// <param name="identity">Its hashes, once they are known.</param>
    /// <param name="state">The state that the run resumes from; null for a new run.</param>
    /// <param name="totalSteps">Of the whole run.</param>
    /// <param name="time">The clock.</param>
    /// <param name="say">Receives the reason why the file cannot be written.</param>
    public static RunManifest Begin(
        string folder, ManifestSubject run, IEnumerable<KeyValuePair<string, string>> settings, PendingIdentity identity,
        TrainerState? state, int totalSteps, TimeProvider time, Action<string> say)
    {
        JsonObject[] sessions = state is null ? [] : Earlier(folder);
        var session = new JsonObject
        {
            ["started"] = Now(time),
            ["ended"] = null,
            [StateKey] = NameOf(RunOutcome.Running),
            ["first_step"] = state?.GlobalStep ?? 0,
            ["last_step"] = state?.GlobalStep ?? 0,
            ["lapidary"] = ManifestJson.Program(),
        };
        foreach (var (key, value) in ManifestJson.Place(run).ToArray()) session[key] = value?.DeepClone();
        session[PlannedKey] = ManifestJson.Memory(run.Memory);
        var recorded = RunSettings.Recorded(folder, settings).ToArray();
        string[] names = [.. recorded.Where(pair => pair.Key == "dataset").Select(pair => pair.Value)];
        if (names.Length == 0) // a program's own data: a path as seen from its folder, or an id
            names = [.. run.DataSets.Select(name => Path.Exists(name) ? RunPaths.Shorten(Path.GetFullPath(name), folder) : name)];
        var json = new JsonObject
        {
            [VersionKey] = Version,
            [RunSettings.FolderKey] = Path.GetFullPath(folder),
            [StateKey] = NameOf(RunOutcome.Running),
            ["lapidary"] = ManifestJson.Program(),
            [ModelKey] = ManifestJson.Model(run, commit: null),
            [DataKey] = ManifestJson.Data(run with { DataSets = names }),
            ["seed"] = run.Config.Seed,
            [SettingsKey] = ManifestJson.Settings(recorded),
            [HashesKey] = new JsonObject(),
            [SessionsKey] = new JsonArray([.. sessions, session]),
            [ResultsKey] = ManifestJson.Results(state ?? new TrainerState { MaxSteps = totalSteps }),
        };
        var manifest = new RunManifest(folder, identity, time, say, json, session, state?.NumTokens ?? 0);
        manifest.Write();
        return manifest;
    }

    /// <summary>Records a saved checkpoint.</summary>
    /// <param name="state">The state of the run.</param>
    /// <param name="peakBytes">Peak of the memory that the device allocated so far.</param>
    public void Saved(TrainerState state, long peakBytes) => Tell(state, _identity.Value, RunOutcome.Running, peakBytes);

    /// <summary>Records the end of a session, after the last files got their final names.</summary>
    /// <param name="state">The state of the run.</param>
    /// <param name="isComplete">Whether the run is complete. A run that was stopped does not wait for the hash of the weights.</param>
    /// <param name="peakBytes">Peak of the memory that the device allocated.</param>
    public void End(TrainerState state, bool isComplete, long peakBytes)
    {
        if (isComplete) HashWeights();
        _session["ended"] = Now(_time);
        var identity = isComplete || _identity.IsReady ? _identity.Value : null;
        Tell(state, identity, isComplete ? RunOutcome.Finished : RunOutcome.Interrupted, peakBytes);
    }

    /// <summary>Records that an error ended the session.</summary>
    public void Fail(Exception error)
    {
        _session["ended"] = Now(_time);
        _session[ErrorKey] = Printable.Line(error.Message, Printable.MaxMessageLength);
        SetState(RunOutcome.Failed);
        Write();
    }

    /// <summary>The file of a folder.</summary>
    /// <exception cref="LapidaryException">It is missing, damaged, or of a later version.</exception>
    public static JsonSection Read(string folder) => ReadFile(Path.Combine(folder, FileName));

    /// <summary>A manifest, which may have another name.</summary>
    /// <exception cref="LapidaryException">It is missing, damaged, or of a later version.</exception>
    public static JsonSection ReadFile(string path)
    {
        var json = new JsonSection(path, JsonFile.Read(path, MaxBytes));
        int version = json.Int(VersionKey, 0, 1, int.MaxValue);
        if (version is 0 or > Version)
        {
            throw new LapidaryException(
                $"{path}: {VersionKey}: expected {Version}, found {(version == 0 ? "none" : version)}; "
                + (version == 0 ? "it is no manifest of a run." : "a later Lapidary wrote it, update this one."));
        }

        return json;
    }

    /// <summary>Seconds of a session's optimizer steps; of the whole session where an older version wrote it.</summary>
    public static double TrainingSeconds(JsonSection session) =>
        session.Number(session.Has(TrainingSecondsKey) ? TrainingSecondsKey : SecondsKey, 0, 0, 1e9);

    /// <summary>An outcome as text of the file.</summary>
    public static string NameOf(RunOutcome outcome) => RunSettings.Format(outcome)!;

    private void Tell(TrainerState state, RunIdentity? identity, RunOutcome outcome, long peakBytes)
    {
        long tokens = state.NumTokens - _tokensBefore;
        _session["last_step"] = state.GlobalStep;
        _session["tokens"] = tokens;
        _session[SecondsKey] = Math.Round(_time.GetElapsedTime(_started).TotalSeconds, 3);
        double training = state.TrainingTime.TotalSeconds;
        _session[TrainingSecondsKey] = Math.Round(training, 3);
        _session["tokens_per_second"] = training > 0 ? Math.Round(tokens / training, 1) : null;
        if (peakBytes > 0) _session[PeakKey] = peakBytes;
        SetState(outcome);
        _json[ResultsKey] = ManifestJson.Results(state);
        if (identity is not null)
        {
            var hashes = (JsonObject)_json[HashesKey]!;
            foreach (var (key, value) in ManifestJson.Hashes(identity.Hashes).ToArray()) hashes[key] = value?.DeepClone();
            _json[ModelKey]![CommitKey] = identity.Commit;
        }

        Write();
    }

    private void SetState(RunOutcome outcome)
    {
        _session[StateKey] = NameOf(outcome);
        _json[StateKey] = NameOf(outcome);
    }

    private void HashWeights() => Quietly(() =>
    {
        foreach (string path in MethodFiles.WeightsIn(_folder))
        {
            using var file = File.OpenRead(path);
            string hash = Convert.ToHexStringLower(SHA256.HashData(file));
            ((JsonObject)_json[HashesKey]!)[Path.GetFileName(path)] =
                new JsonObject { [HashKey] = hash, ["method"] = "SHA-256 over the file" };
        }
    });

    private void Write() => Quietly(() => JsonFile.Write(Path.Combine(_folder, FileName), _json));

    private void Quietly(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is LapidaryException || FileErrors.IsFileSystem(e))
        {
            _say($"warning: {FileName} is not complete ({Printable.Line(e.Message)})");
        }
    }

    /// <summary>The sessions of a run that resumes; none if its file cannot be read.</summary>
    private static JsonObject[] Earlier(string folder)
    {
        try
        {
            return InputFile.IsThere(Path.Combine(folder, FileName)) && Read(folder).Json[SessionsKey] is JsonArray sessions
                ? [.. sessions.OfType<JsonObject>().Select(Ended)]
                : [];
        }
        catch (LapidaryException)
        {
            return [];
        }
    }

    /// <summary>A session still marked as running belongs to a killed process.</summary>
    private static JsonObject Ended(JsonObject session)
    {
        var copy = (JsonObject)session.DeepClone();
        if (copy[StateKey] is JsonValue state && state.TryGetValue(out string? name) && name == NameOf(RunOutcome.Running))
            copy[StateKey] = NameOf(RunOutcome.Interrupted);
        return copy;
    }

    private static string Now(TimeProvider time) => time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

/// <summary>The outcome of a run.</summary>
internal enum RunOutcome
{
    /// <summary>It is running, or its process was killed.</summary>
    Running,

    /// <summary>Its result is in the folder.</summary>
    Finished,

    /// <summary>It was stopped after a step and saved a checkpoint.</summary>
    Interrupted,

    /// <summary>An error ended it.</summary>
    Failed,
}
