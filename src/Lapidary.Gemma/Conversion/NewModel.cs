using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;

namespace Lapidary.Gemma.Conversion;

/// <summary>A model that appears in its output folder all at once or not at all. It is written to a hidden folder in the output, which is
/// on the same disk wherever that is, and its files are moved up when it is complete and checked. A model that was there is first moved
/// aside, and deleted last.</summary>
/// <remarks>The output holds config.json only while it holds a whole model: of the old one it goes first, of the new one it comes last.
/// What a process that was killed leaves behind is set right by the next one, under the lock: a model whose moving up had begun is moved
/// up, one that was being moved aside comes back, and one that was being written is deleted.</remarks>
internal sealed class NewModel : IDisposable
{
    private const string Writing = ".lapidary.new", Ready = ".lapidary.ready", Aside = ".lapidary.old";

    private readonly OutputFolder _output;

    private NewModel(OutputFolder output) => _output = output;

    /// <summary>Where to write it.</summary>
    public string Folder => At(Writing);

    /// <summary>Takes the output folder and sets right what an earlier process left.</summary>
    /// <param name="path">The output folder.</param> <param name="overwrite">Whether a model in it may be replaced.</param>
    /// <param name="inputs">Folders that are read.</param>
    /// <exception cref="LapidaryException">It cannot be written, is an input, is in use, or holds a model that may not be
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

            TemporaryPaths.Add(model.Folder);
            model.Do(() => Directory.CreateDirectory(model.Folder));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Puts the complete model in its place.</summary>
    public void Publish() => Do(() =>
    {
        try
        {
            SetAside();
            TemporaryPaths.Remove(Folder, () => Directory.Move(Folder, At(Ready)));
        }
        catch
        {
            BringBack();
            throw;
        }

        MoveUp();
    });

    /// <summary>Deletes what was not published, and gives the folder up.</summary>
    public void Dispose()
    {
        try
        {
            TemporaryPaths.Remove(Folder, () => Delete(Writing));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The next one that writes here deletes it; the error that brought us here is the one to report.
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

    /// <summary>Undoes <see cref="SetAside"/>, unless the new model is in place, which its config.json tells.</summary>
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
            File.Move(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
    }

    /// <summary>Whether a file is of the old model: one that the new one brings too, of the weights, or a description of them.</summary>
    private bool IsReplaced(string file)
    {
        string name = Path.GetFileName(file);
        return File.Exists(Path.Combine(Folder, name)) || ModelFolder.IsPart(name)
            || name is GemmaConfig.FileName or CheckpointFiles.Single or CheckpointFiles.Index || CheckpointFiles.ShardName().IsMatch(name);
    }

    private static bool IsOfAModel(string file) =>
        Path.GetFileName(file) is GemmaConfig.FileName || file.EndsWith(".safetensors", StringComparison.Ordinal);

    private void Delete(string name)
    {
        if (Directory.Exists(At(name))) Directory.Delete(At(name), recursive: true);
    }

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
