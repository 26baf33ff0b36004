using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.TextToSql.Demo;

/// <summary>The demonstration's folder and its content.</summary>
internal sealed class DemoFolder : IDisposable
{
    /// <summary>Marks the demonstration's folder; a folder without this mark is never deleted.</summary>
    private const string Mark = ".lapidary-demo";

    private readonly OutputFolder _output;

    private DemoFolder(OutputFolder output) => _output = output;

    public string Root => _output.Path;

    public string Model => Path.Combine(Root, "model");

    public string Data => Path.Combine(Root, "data");

    public string TrainFile => Path.Combine(Data, "train.jsonl");

    public string TestFile => Path.Combine(Data, "test.jsonl");

    public string Adapter => Path.Combine(Root, "adapter");

    public string Question => Path.Combine(Root, "question.json");

    public string Tables => Path.Combine(Root, "tables.db");

    public string Merged => Path.Combine(Root, "merged");

    /// <summary>Creates the folder.</summary>
    /// <exception cref="LapidaryException">It exists and may not be replaced, is in use, or cannot be written.</exception>
    public static DemoFolder Create(string path, bool overwrite)
    {
        var output = OutputFolder.Open(path);
        var folder = new DemoFolder(output);
        try
        {
            if (!Directory.EnumerateFileSystemEntries(path).All(FolderLock.IsPartOf)) folder.Clear(overwrite);
            File.WriteAllText(Path.Combine(path, Mark), "");
            return folder;
        }
        catch (Exception e)
        {
            folder.Dispose();
            if (FileErrors.IsFileSystem(e)) throw FileErrors.Writing(path, e);
            throw;
        }
    }

    /// <summary>Releases the folder for other writers.</summary>
    public void Dispose() => _output.Dispose();

    /// <summary>Deletes an earlier demonstration, and no other file in the folder.</summary>
    private void Clear(bool overwrite)
    {
        if (!File.Exists(Path.Combine(Root, Mark)))
            throw new LapidaryException($"{Root}: is not empty and not from an earlier demonstration; choose another OutputDir.");
        if (!overwrite)
        {
            throw new LapidaryException(
                $"{Root}: is there already; choose another OutputDir, or set Overwrite to true to replace it.");
        }

        string[] folders = [Model, Data, Adapter, Merged];
        foreach (string folder in folders)
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }

        File.Delete(Question);
        File.Delete(Tables);
    }
}
