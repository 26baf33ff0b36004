using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Hub;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Checkpoints;

/// <summary>The files of an earlier run, set aside while a new run starts in the same folder: renamed into a subfolder replaced-XXXXXXXX.
/// They are deleted when the new run has saved something; until then they can be restored.</summary>
/// <remarks>While files move in or out, the folder's name ends with .part. Under the plain name, the folder therefore holds all files of
/// the earlier run, and a checkpoint beside it belongs to the new run. The caller holds the folder's lock.</remarks>
/// <param name="outputDir">The run's folder.</param>
/// <param name="method">What the new run trains.</param>
internal sealed class ReplacedRun(string outputDir, TrainingMethod method)
{
    private static readonly string[] Files = [TrainerState.FileName, RunNames.Manifest, SampleFile.FileName];

    /// <summary>A model's files belong to a run that trains all weights; others leave them alone.</summary>
    private readonly bool _hasModel = method == TrainingMethod.Full || MethodFiles.In(outputDir) == TrainingMethod.Full;

    private string? _aside;

    /// <summary>Whether a folder holds saved work of a run: a checkpoint, its final state, an adapter, or a model that a run of the method
    /// would replace.</summary>
    public static bool IsIn(string outputDir, TrainingMethod method) =>
        new CheckpointStore(outputDir, limit: 0).Latest is not null
        || MethodFiles.In(outputDir) is { } found && (found == TrainingMethod.Lora || found == method)
        || File.Exists(Path.Combine(outputDir, TrainerState.FileName));

    /// <summary>Restores the files that a run set aside if it ended before it saved anything.</summary>
    /// <returns>Whether anything was set aside.</returns>
    public static bool Recover(string outputDir)
    {
        if (!Directory.Exists(outputDir)) return false;
        string[] folders = [.. Directory.EnumerateDirectories(outputDir)];
        bool found = false;
        foreach (string part in folders.Where(folder => RunNames.IsPartOfAside(Path.GetFileName(folder))))
        {
            PutBack(outputDir, part);
            found = true;
        }

        if (found || HasSaved(outputDir)) return found;
        foreach (string aside in folders.Where(folder => RunNames.IsAside(Path.GetFileName(folder))))
        {
            new ReplacedRun(outputDir, MethodFiles.In(aside) ?? TrainingMethod.Lora) { _aside = aside }.PutBack();
            found = true;
        }

        return found;
    }

    /// <summary>Whether a run writes a file of this name into its folder.</summary>
    public static bool IsFileOfARun(string name) =>
        Files.Contains(name) || name is RunSettings.FileName or ModelCard.FileName || TokenizerFolder.IsPart(name)
        || MethodFiles.IsPart(name, TrainingMethod.Lora) || MethodFiles.IsPart(name, TrainingMethod.Full);

    /// <summary>Deletes files that were set aside by a run that has saved something since.</summary>
    public static void DeleteLeftovers(string outputDir)
    {
        foreach (string folder in Directory.EnumerateDirectories(outputDir).Where(f => RunNames.IsAside(Path.GetFileName(f))).ToArray())
            FolderMoves.DeleteQuietly(folder);
    }

    /// <summary>Sets all files of the earlier run aside.</summary>
    public void SetAside()
    {
        string aside = Path.Combine(outputDir, RunNames.NewAside()), part = RunNames.PartOf(aside);
        Directory.CreateDirectory(part);
        foreach (string folder in Directory.EnumerateDirectories(outputDir).ToArray())
        {
            string name = Path.GetFileName(folder);
            if (RunNames.StepOf(name) is not null || name == RunNames.InitialAdapter) FolderMoves.Move(folder, Path.Combine(part, name));
        }

        foreach (string file in Directory.EnumerateFiles(outputDir).ToArray())
        {
            if (IsResult(file)) FolderMoves.MoveFile(file, Path.Combine(part, Path.GetFileName(file)));
        }

        MoveEvents(outputDir, part);

        // The settings are copied, so that a run.yaml to resume from always exists.
        string settings = Path.Combine(outputDir, RunSettings.FileName);
        if (File.Exists(settings)) File.Copy(settings, Path.Combine(part, RunSettings.FileName));
        FolderMoves.Move(part, aside);
        _aside = aside;
    }

    /// <summary>Deletes the earlier run's files for good.</summary>
    public void Delete()
    {
        if (_aside is null) return;
        FolderMoves.DeleteQuietly(_aside);
        _aside = null;
    }

    /// <summary>Restores the earlier run's files and deletes what the new run has written so far.</summary>
    public void PutBack()
    {
        if (_aside is null) return;
        DeleteNew();
        string part = RunNames.PartOf(_aside);
        FolderMoves.Move(_aside, part);
        PutBack(outputDir, part);
        _aside = null;
    }

    /// <summary>Deletes the files of the run that saved nothing. While the earlier run is set aside, none of these files belong to
    /// it.</summary>
    private void DeleteNew()
    {
        foreach (string file in Directory.GetFiles(outputDir).Where(IsResult).Concat(Events(outputDir))) File.Delete(file);
        string initial = Path.Combine(outputDir, RunNames.InitialAdapter);
        if (Directory.Exists(initial)) CheckpointStore.Delete(initial);
    }

    private bool IsResult(string file) => Path.GetFileName(file) is var name
        && (Files.Contains(name) || TokenizerFolder.IsPart(name) || MethodFiles.IsPart(name, TrainingMethod.Lora)
            || (_hasModel && MethodFiles.IsPart(name, TrainingMethod.Full)));

    private static bool HasSaved(string outputDir) =>
        new CheckpointStore(outputDir, limit: 0).Latest is not null || File.Exists(Path.Combine(outputDir, TrainerState.FileName));

    private static void PutBack(string outputDir, string part)
    {
        MoveEvents(part, outputDir);
        FolderMoves.Delete(Path.Combine(part, RunNames.Events));
        foreach (string folder in Directory.EnumerateDirectories(part).ToArray())
        {
            string target = Path.Combine(outputDir, Path.GetFileName(folder));
            if (Directory.Exists(target)) CheckpointStore.Delete(target);
            FolderMoves.Move(folder, target);
        }

        foreach (string file in Directory.EnumerateFiles(part).ToArray())
            FolderMoves.MoveFile(file, Path.Combine(outputDir, Path.GetFileName(file)));
        Directory.Delete(part);
    }

    /// <summary>TensorBoard events of a run, and no other files of their folder.</summary>
    private static string[] Events(string runFolder) => Directory.Exists(Path.Combine(runFolder, RunNames.Events))
        ? Directory.GetFiles(Path.Combine(runFolder, RunNames.Events), TensorBoardWriter.NamePrefix + "*")
        : [];

    private static void MoveEvents(string from, string to)
    {
        string target = Path.Combine(to, RunNames.Events);
        foreach (string file in Events(from))
        {
            Directory.CreateDirectory(target);
            FolderMoves.MoveFile(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }
}
