using System.Globalization;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Checkpoints;

/// <summary>checkpoint-N folders of a run: written under a temporary name and renamed when complete, so that a folder under a final name is
/// always whole.</summary>
/// <param name="outputDir">The run's folder.</param> <param name="limit">Checkpoints kept; 0 for all.</param>
internal sealed class CheckpointStore(string outputDir, int limit)
{
    private const string Prefix = "checkpoint-", TemporaryMark = ".tmp-";

    /// <summary>The newest complete checkpoint, null where there is none.</summary>
    public string? Latest => All().LastOrDefault().Folder;

    /// <summary>Saves a checkpoint and, beyond the limit, deletes the oldest except <paramref name="best"/>.</summary>
    /// <remarks><paramref name="saveTokenizer"/> writes the run's tokenizer into a folder.</remarks>
    /// <returns>Its folder.</returns>
    public string Save(
        TrainerState state, Adapter adapter, GemmaModel model, AdamWOptimizer optimizer, Action<string> saveTokenizer, string? best)
    {
        string folder = FolderOf(state.GlobalStep);
        string temporary = folder + TemporaryMark + Guid.NewGuid().ToString("N")[..8];
        try
        {
            Directory.CreateDirectory(temporary);
            adapter.Save(temporary, model);
            saveTokenizer(temporary);
            OptimizerFile.Write(temporary, optimizer, model.Backend);
            state.Write(temporary);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            Directory.Move(temporary, folder);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new LapidaryException(
                $"{folder}: the checkpoint cannot be written ({e.Message}). Free space or choose another output_dir.", e);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }

        DeleteOld(best);
        return folder;
    }

    /// <summary>Deletes all checkpoints, for a run that starts anew.</summary>
    public void Clear()
    {
        foreach (var (_, folder) in All()) Directory.Delete(folder, recursive: true);
    }

    /// <summary>Folder of the checkpoint of a step.</summary>
    public string FolderOf(int step) => Path.Combine(outputDir, Prefix + step.ToString(CultureInfo.InvariantCulture));

    /// <summary>Complete checkpoints by step, oldest first; leftovers of killed runs are removed.</summary>
    private List<(int Step, string Folder)> All()
    {
        var found = new List<(int, string)>();
        if (!Directory.Exists(outputDir)) return found;
        foreach (string folder in Directory.EnumerateDirectories(outputDir, Prefix + "*").ToArray())
        {
            string name = Path.GetFileName(folder)[Prefix.Length..];
            if (name.Contains(TemporaryMark, StringComparison.Ordinal)) Directory.Delete(folder, recursive: true);
            else if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int step)) found.Add((step, folder));
        }

        found.Sort();
        return found;
    }

    private void DeleteOld(string? best)
    {
        if (limit == 0) return;
        var all = All();
        int excess = all.Count - limit;
        foreach (var (_, folder) in all.SkipLast(1))
        {
            if (excess <= 0) return;
            if (best is not null && Path.GetFileName(folder) == Path.GetFileName(best)) continue;
            Directory.Delete(folder, recursive: true);
            excess--;
        }
    }
}
