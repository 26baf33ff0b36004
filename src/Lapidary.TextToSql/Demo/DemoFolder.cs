using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.TextToSql.Demo;

/// <summary>The demonstration's folder and what it holds.</summary>
internal sealed class DemoFolder
{
    /// <summary>Tells the demonstration's own folder from any other, which is never deleted.</summary>
    private const string Mark = ".lapidary-demo";

    private DemoFolder(string path) => Root = path;

    public string Root { get; }

    public string Model => Path.Combine(Root, "model");

    public string Quantized => Path.Combine(Root, "model-nf4");

    public string TrainFile => Path.Combine(Root, "train.jsonl");

    public string TestFile => Path.Combine(Root, "test.jsonl");

    public string Adapter => Path.Combine(Root, "adapter");

    public string Question => Path.Combine(Root, "question.json");

    public string Merged => Path.Combine(Root, "merged");

    /// <summary>Makes the folder.</summary>
    /// <exception cref="LapidaryException">It exists and may not be replaced, or cannot be written.</exception>
    public static DemoFolder Create(string path, bool overwrite)
    {
        try
        {
            if (File.Exists(path)) throw new LapidaryException($"{path}: expected a folder, found a file; choose another output_dir.");
            if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()) Clear(path, overwrite);
            Directory.CreateDirectory(path);
            File.WriteAllText(Path.Combine(path, Mark), "");
            return new DemoFolder(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new LapidaryException($"{path}: cannot be written ({e.Message}). Choose another output_dir.", e);
        }
    }

    private static void Clear(string path, bool overwrite)
    {
        if (!File.Exists(Path.Combine(path, Mark)))
            throw new LapidaryException($"{path}: is not empty and not from an earlier demonstration; choose another output_dir.");
        if (!overwrite)
        {
            throw new LapidaryException(
                $"{path}: exists already; set overwrite to true to replace it, or choose another output_dir.");
        }

        Directory.Delete(path, recursive: true);
    }
}
