using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Checkpoints;

/// <summary>checkpoint-N folders of a run. Each is written under a temporary name and renamed when complete, and renamed before it is
/// deleted, so a folder under a final name is always complete. The caller of a method that changes files holds the folder's lock.</summary>
/// <param name="outputDir">The run's folder.</param>
/// <param name="limit">Checkpoints kept; 0 for all.</param>
internal sealed class CheckpointStore(string outputDir, int limit)
{
    /// <summary>The newest complete checkpoint; null if none exists.</summary>
    public string? Latest => All().LastOrDefault().Folder;

    /// <summary>Complete checkpoints by step, oldest first. Changes nothing.</summary>
    public List<(int Step, string Folder)> All()
    {
        var found = new List<(int, string)>();
        if (!Directory.Exists(outputDir)) return found;
        foreach (string folder in Directory.EnumerateDirectories(outputDir))
            if (RunNames.StepOf(Path.GetFileName(folder)) is { } step) found.Add((step, folder));
        found.Sort();
        return found;
    }

    /// <summary>Folder of the checkpoint of a step.</summary>
    public string FolderOf(int step) => Path.Combine(outputDir, RunNames.Checkpoint(step));

    /// <summary>Saves a checkpoint and, beyond the limit, deletes the oldest except <paramref name="best"/> and the one just
    /// saved.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="write">Writes the files into a folder.</param>
    /// <param name="best">Name of the checkpoint of the lowest evaluation loss, or null.</param>
    /// <returns>Its folder.</returns>
    public string Save(int step, Action<string> write, string? best)
    {
        string folder = FolderOf(step);
        string temporary = RunNames.TemporaryOf(folder);
        try
        {
            TemporaryPaths.Add(temporary, () => Directory.CreateDirectory(temporary));
            write(temporary);
            TemporaryPaths.Remove(temporary, () => Replace(folder, temporary));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new LapidaryException(
                $"{folder}: the checkpoint cannot be written ({e.Message}). Free space or choose another OutputDir.", e);
        }
        finally
        {
            TemporaryPaths.Remove(temporary, () => FolderMoves.DeleteQuietly(temporary));
        }

        DeleteOld(saved: folder, best);
        return folder;
    }

    /// <summary>Restores a checkpoint whose replacement was not completed, and deletes the remains of killed runs.</summary>
    public void Repair()
    {
        if (!Directory.Exists(outputDir)) return;
        AtomicFile.DeleteLeftovers(outputDir, ReplacedRun.IsFileOfARun);
        foreach (string folder in Directory.EnumerateDirectories(outputDir).ToArray())
        {
            string name = Path.GetFileName(folder);
            if (RunNames.IsTemporary(name)) FolderMoves.DeleteQuietly(folder);
            else if (RunNames.OriginalOfReplaced(name) is not { } original) continue;
            else if (Directory.Exists(Path.Combine(outputDir, original))) FolderMoves.DeleteQuietly(folder);
            else FolderMoves.Move(folder, Path.Combine(outputDir, original));
        }
    }

    /// <summary>Renames a folder to a temporary name, then deletes it, so that a half-deleted folder is never taken for a complete
    /// one.</summary>
    public static void Delete(string folder)
    {
        string temporary = RunNames.TemporaryOf(folder);
        FolderMoves.Move(folder, temporary);
        FolderMoves.DeleteQuietly(temporary);
    }

    /// <summary>Gives a complete folder its final name. A folder that already has this name stays complete under one of the two names at
    /// all times.</summary>
    private static void Replace(string folder, string temporary)
    {
        if (!Directory.Exists(folder))
        {
            FolderMoves.Move(temporary, folder);
            return;
        }

        string replaced = RunNames.ReplacedOf(folder);
        FolderMoves.Move(folder, replaced);
        try
        {
            FolderMoves.Move(temporary, folder);
        }
        catch
        {
            FolderMoves.Move(replaced, folder);
            throw;
        }

        FolderMoves.DeleteQuietly(replaced);
    }

    private void DeleteOld(string saved, string? best)
    {
        if (limit == 0) return;
        var all = All();
        int excess = all.Count - limit;
        foreach (var (_, folder) in all)
        {
            if (excess <= 0) return;
            if (folder == saved || Path.GetFileName(folder) == best) continue;
            try
            {
                Delete(folder);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                // Another program holds it open. One checkpoint too many is no reason to end a run; the next save tries again.
            }

            excess--;
        }
    }
}
