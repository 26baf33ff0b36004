using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Text;

namespace Lapidary.Training.Checkpoints;

/// <summary>The output folder of a run and its rules: one run at a time, runs are never mixed, and nothing is lost. Opening only restores
/// files that a crashed run had set aside. <see cref="Begin"/> makes the first change, after everything else was accepted.</summary>
internal sealed class RunFolder : IDisposable
{
    private static readonly string[] StateFiles = [TrainerState.FileName, OptimizerFile.FileName];

    private readonly string _path;
    private readonly TrainingMethod _method;
    private readonly OutputFolder _owner;
    private readonly CheckpointStore _checkpoints;
    private ReplacedRun? _replaced;
    private string? _tokenizer;
    private KeyValuePair<string, string>[]? _settings;

    private RunFolder(string path, TrainingMethod method, int limit, OutputFolder owner)
    {
        (_path, _method, _owner) = (path, method, owner);
        _checkpoints = new CheckpointStore(path, limit);
    }

    /// <summary>The checkpoint to resume from; null to start over.</summary>
    public string? Checkpoint { get; private init; }

    /// <summary>The newest checkpoint of this run: one that it saved, or the one that it resumed from.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>The content of run.yaml, now or after the first save.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; private set; } = [];

    /// <summary>Whether the files of an earlier run are to be replaced.</summary>
    public bool Replaces { get; private init; }

    /// <summary>The free bytes of a folder's disk; null if unknown, and then there is no check.</summary>
    public Func<string, long?> FreeBytes { get; set; } = DiskSpace.FreeBytes;

    /// <summary>Opens a folder for a run.</summary>
    /// <param name="config">Its output_dir, and whether the folder may be overwritten.</param>
    /// <param name="resume">A checkpoint's folder, "latest" for the newest one in the output folder, or null to start over.</param>
    /// <param name="method">What the run trains.</param>
    /// <param name="say">Receives one line about what was restored.</param>
    /// <param name="inputs">Folders that the run reads from and must not write to.</param>
    /// <exception cref="LapidaryException">The folder is in use or not free, or the checkpoint does not exist.</exception>
    public static RunFolder Open(
        SftConfig config, string? resume, TrainingMethod method, Action<string> say, params IEnumerable<string> inputs)
    {
        string path = config.OutputDir;
        var owner = OutputFolder.Open(path, inputs);
        try
        {
            if (ReplacedRun.Recover(path))
                say($"{path}: the earlier run is back, which a run that ended before its first checkpoint was to replace.");
            string? checkpoint = resume is null ? null : Find(path, resume, method);
            bool isInside = checkpoint is not null && PathIdentity.IsInside(checkpoint, path);
            bool isUsed = !isInside && ReplacedRun.IsIn(path, method);
            if (isUsed && !config.OverwriteOutputDir) throw Used(path, checkpoint);
            if (isUsed && inputs.FirstOrDefault(input => IsReplaced(input, path)) is { } lost)
            {
                throw new LapidaryException(
                    $"{lost}: is a part of the run in {path}, which would be deleted with it; choose another OutputDir.");
            }

            return new RunFolder(path, method, config.SaveTotalLimit, owner)
            {
                Checkpoint = checkpoint,
                LastCheckpoint = checkpoint,
                Replaces = isUsed,
            };
        }
        catch (Exception e)
        {
            owner.Dispose();
            if (FileErrors.IsFileSystem(e))
                throw new LapidaryException($"{path}: cannot be read ({e.Message}). Choose another OutputDir.", e);
            throw;
        }
    }

    /// <summary>Refuses a run for whose files the disk has no room.</summary>
    /// <returns>A message if it may become full, or null.</returns>
    /// <exception cref="LapidaryException">There is not room enough.</exception>
    public string? CheckRoom(RunRoom room) => room.Check(_path, FreeBytes(_path));

    /// <summary>Starts writing: cleans up, sets an earlier run aside, and records the settings (if an earlier run was set aside, with the
    /// first save).</summary>
    /// <param name="settings">Keys and values for run.yaml.</param>
    /// <param name="start">The folder of the adapter that the run starts from, or null. If that folder is set aside, a copy is kept as
    /// initial-adapter.</param>
    /// <param name="saveTokenizer">Writes the tokenizer's files into a folder. Every save gets these files, because their source may be set
    /// aside, belong to a checkpoint that is deleted, or change during the run.</param>
    public void Begin(IEnumerable<KeyValuePair<string, string>> settings, string? start, Action<string> saveTokenizer)
    {
        try
        {
            _checkpoints.Repair();
            if (ReplacedRun.IsIn(_path, _method)) ReplacedRun.DeleteLeftovers(_path);
            KeepTokenizer(saveTokenizer);
            string initial = Path.Combine(_path, RunNames.InitialAdapter);
            if (Replaces)
            {
                string? copy = start is not null && PathIdentity.IsInside(start, _path) ? CopyAdapter(start, initial) : null;
                _replaced = new ReplacedRun(_path, _method);
                _replaced.SetAside();
                if (copy is not null)
                {
                    FolderMoves.Move(copy, initial);
                    string path = Path.GetFullPath(initial);
                    settings = settings.Select(pair => pair.Key == RunSettings.AdapterKey ? new(pair.Key, path) : pair);
                }
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(_path, e);
        }

        // Until a run that replaces another has saved something, the earlier settings stay, because the earlier run may be restored.
        Settings = _settings = [.. settings];
        if (!Replaces) Record();
    }

    /// <summary>Saves a checkpoint.</summary>
    /// <returns>Its folder.</returns>
    public string Save(int step, Action<string> write, string? best)
    {
        LastCheckpoint = _checkpoints.Save(step, path =>
        {
            CopyTokenizer(path); // first, because a whole model's settings of generation follow from it
            write(path);
            Record();
        }, best);
        _replaced?.Delete();
        return LastCheckpoint;
    }

    /// <summary>Saves the final result of the run.</summary>
    public void Complete(Action<string> write)
    {
        Record();
        CopyTokenizer(_path);
        write(_path);
        _replaced?.Delete();
    }

    /// <summary>The checkpoint of a name in this folder; null if none exists.</summary>
    public string? Named(string? name)
    {
        string? folder = name is null ? null : Path.Combine(_path, name);
        return Directory.Exists(folder) ? folder : null;
    }

    /// <summary>Paths of the files of the run's result, without a model card and without files that belong only to this run.</summary>
    public IReadOnlyList<string> FinalFiles()
    {
        IEnumerable<string> tokenizer = _tokenizer is null ? [] : Directory.GetFiles(_tokenizer).Select(file => Path.GetFileName(file));
        return
        [
            .. MethodFiles.ResultIn(_path, _method)
                .Union(tokenizer.Select(name => Path.Combine(_path, name)).Where(File.Exists)),
        ];
    }

    /// <summary>Name of the checkpoint of a step, existing or not.</summary>
    public static string NameOf(int step) => RunNames.Checkpoint(step);

    /// <summary>Releases the folder. If the run has saved nothing, the files that it had set aside are restored.</summary>
    public void Dispose()
    {
        try
        {
            _replaced?.PutBack();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The earlier run stays set aside, complete; the next run in this folder restores it.
        }
        finally
        {
            if (_tokenizer is { } copy) TemporaryPaths.Remove(copy, () => FolderMoves.DeleteQuietly(copy));
            _owner.Dispose();
        }
    }

    private void KeepTokenizer(Action<string> save)
    {
        string copy = RunNames.TemporaryOf(Path.Combine(_path, RunNames.Tokenizer));
        _tokenizer = copy;
        TemporaryPaths.Add(copy, () => Directory.CreateDirectory(copy));
        save(copy);
    }

    private void CopyTokenizer(string folder)
    {
        if (_tokenizer is null) return;
        TokenizerFolder.Copy(_tokenizer, folder);
        foreach (string name in Directory.EnumerateFiles(_tokenizer).Select(file => Path.GetFileName(file)))
            if (!TokenizerFolder.IsPart(name)) ModelFiles.TryCopy(name, _tokenizer, folder);
    }

    private void Record()
    {
        if (_settings is not null) RunSettings.Write(_path, _settings);
        _settings = null;
    }

    private static string Find(string path, string resume, TrainingMethod method)
    {
        string checkpoint = resume != RunNames.Latest ? resume
            : new CheckpointStore(path, limit: 0).Latest ?? throw new LapidaryException(
                $"{path}: expected a checkpoint to go on from in this folder, found none; choose another OutputDir or start anew.");
        var found = MethodFiles.In(checkpoint);
        string? missing = StateFiles.FirstOrDefault(file => !File.Exists(Path.Combine(checkpoint, file)))
            ?? (found is null ? method == TrainingMethod.Full ? CheckpointFiles.Single : AdapterFiles.WeightsName : null);
        if (missing is not null && resume != RunNames.Latest)
            throw new LapidaryException($"{resume}: expected a checkpoint, found no {missing}; give the folder of another one.");
        if (found is not null && found != method)
        {
            throw new LapidaryException(
                $"{checkpoint}: expected a checkpoint of method {RunSettings.Format(method)}, found one of method "
                + $"{RunSettings.Format(found)}; set method to {RunSettings.Format(found)}, or begin a new run.");
        }

        return checkpoint;
    }

    /// <summary>Whether a folder is one that a run which starts anew deletes; an adapter is copied before.</summary>
    private static bool IsReplaced(string folder, string outputDir) =>
        new CheckpointStore(outputDir, limit: 0).All().Exists(pair => PathIdentity.IsInside(folder, pair.Folder));

    private static LapidaryException Used(string path, string? checkpoint) => new(
        $"{path}: holds a run already; " + (checkpoint is null ? "set resume to latest to go on with it, " : "")
        + "set OverwriteOutputDir to true to start anew, or choose another OutputDir.");

    /// <summary>Copies an adapter under a temporary name.</summary>
    private static string CopyAdapter(string start, string target)
    {
        string temporary = RunNames.TemporaryOf(target);
        Directory.CreateDirectory(temporary);
        foreach (string file in new[] { AdapterConfigFile.FileName, AdapterFiles.WeightsName })
            File.Copy(Path.Combine(start, file), Path.Combine(temporary, file));
        TokenizerFolder.Copy(start, temporary);
        return temporary;
    }
}
