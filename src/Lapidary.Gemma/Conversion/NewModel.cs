using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;

namespace Lapidary.Gemma.Conversion;

/// <summary>A model that appears in its output folder as a whole or not at all. It is written to a hidden folder inside the output, hence
/// on the same disk, and its files are moved up when it is complete and checked. An old model is first moved aside, and deleted
/// last.</summary>
/// <remarks>The output contains config.json only while it contains a whole model: the old one is removed first, the new one arrives last.
/// The next process, under the lock, cleans up after a killed one: it completes a publication that had begun, restores a model that was
/// being moved aside, and deletes an unfinished one.</remarks>
internal sealed class NewModel : IDisposable
{
    private const string Writing = ".lapidary.new", Ready = ".lapidary.ready", Aside = ".lapidary.old";

    private readonly OutputFolder _output;

    private NewModel(OutputFolder output) => _output = output;

    /// <summary>The folder to write to.</summary>
    public string Folder => At(Writing);

    /// <summary>Locks the output folder and cleans up after an earlier process.</summary>
    /// <param name="path">The output folder.</param>
    /// <param name="overwrite">Whether a model in it may be replaced.</param>
    /// <param name="inputs">Folders that are read.</param>
    /// <exception cref="LapidaryException">The folder cannot be written, is an input, is in use, or contains a model that may not be
    /// replaced.</exception>
    public static NewModel Open(string path, bool overwrite, params IEnumerable<string> inputs)
    {
        var model = new NewModel(OutputFolder.Open(path, inputs));
        try
        {
            model.Do(model.Recover);
            if (!overwrite && Directory.EnumerateFiles(path).Any(IsOfAModel))
            {
                throw new LapidaryException(
                    $"{path}: already holds a model; choose another output, or set Overwrite to true to replace it.");
            }

            model.Do(() => TemporaryPaths.Add(model.Folder, () => Directory.CreateDirectory(model.Folder)));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Publishes the complete model.</summary>
    public void Publish() => Do(() =>
    {
        try
        {
            SetAside();
            TemporaryPaths.Remove(Folder, () => FolderMoves.Move(Folder, At(Ready)));
        }
        catch
        {
            BringBack();
            throw;
        }

        MoveUp();
    });

    /// <summary>Deletes an unpublished model, and releases the folder.</summary>
    public void Dispose()
    {
        try
        {
            TemporaryPaths.Remove(Folder, () => Delete(Writing));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The next writer deletes it; the original error is the one to report.
        }

        _output.Dispose();
    }

    private void Recover()
    {
        if (Directory.Exists(At(Ready))) MoveUp();
        else BringBack();
        Delete(Writing);
    }

    private void SetAside()
    {
        string[] old = [.. Directory.EnumerateFiles(_output.Path).Where(IsReplaced)];
        if (old.Length > 0) Move(old, At(Aside), configLast: false);
    }

    /// <summary>Undoes <see cref="SetAside"/>, unless the new model is in place, which its config.json shows.</summary>
    private void BringBack()
    {
        if (!Directory.Exists(At(Aside))) return;
        if (!File.Exists(At(GemmaConfig.FileName))) Move(Directory.GetFiles(At(Aside)), _output.Path, configLast: true);
        Delete(Aside);
    }

    private void MoveUp()
    {
        Move(Directory.GetFiles(At(Ready)), _output.Path, configLast: true);
        Delete(Ready);
        Delete(Aside);
    }

    private static void Move(IEnumerable<string> files, string target, bool configLast)
    {
        Directory.CreateDirectory(target);
        foreach (string file in files.OrderBy(file => Path.GetFileName(file) == GemmaConfig.FileName == configLast))
            FolderMoves.MoveFile(file, Path.Combine(target, Path.GetFileName(file)));
    }

    /// <summary>Whether a file belongs to the old model: a file that the new model also has, a weights file, or a description of the
    /// weights.</summary>
    private bool IsReplaced(string file)
    {
        string name = Path.GetFileName(file);
        return File.Exists(Path.Combine(Folder, name)) || ModelFolder.IsPart(name)
            || name is GemmaConfig.FileName or CheckpointFiles.Single or CheckpointFiles.Index || CheckpointFiles.ShardName().IsMatch(name);
    }

    private static bool IsOfAModel(string file) =>
        Path.GetFileName(file) is GemmaConfig.FileName || file.EndsWith(".safetensors", StringComparison.Ordinal);

    private void Delete(string name) => FolderMoves.Delete(At(name));

    private string At(string name) => Path.Combine(_output.Path, name);

    private void Do(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(_output.Path, e);
        }
    }
}
