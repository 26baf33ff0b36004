using System.IO.Enumeration;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Sources;

/// <summary>A local folder with its subfolders, except hidden ones.</summary>
internal sealed class FolderPlace : IDataPlace
{
    /// <summary>More names than any data set has; the path is probably wrong.</summary>
    private const int MaxFiles = 100_000;

    private readonly string _folder;

    /// <summary>Lists a folder.</summary>
    /// <exception cref="LapidaryException">It cannot be listed, or has far too many files.</exception>
    public FolderPlace(string folder)
    {
        _folder = folder;
        var found = Try(folder, () => Walk(folder).Take(MaxFiles + 1).ToList());
        if (found.Count > MaxFiles)
            throw new LapidaryException($"{folder}: expected a folder of at most {MaxFiles} files, found more; check the path.");
        if (File.Exists(Path.Combine(folder, DataCard.YamlName))) found.Add(Path.Combine(folder, DataCard.YamlName));
        Files = found.ConvertAll(file => Path.GetRelativePath(folder, file).Replace('\\', '/'));
    }

    public string Name => _folder;

    public IReadOnlyList<string> Files { get; }

    /// <summary>Whether a path is a pattern with * and ? in its last part, in an existing folder.</summary>
    public static bool IsPattern(string path) =>
        Path.GetFileName(path).AsSpan().ContainsAny('*', '?') && Directory.Exists(FolderOf(path));

    /// <summary>The data files that a pattern matches, in ordinal order.</summary>
    /// <exception cref="LapidaryException">No file matches.</exception>
    public static IReadOnlyList<string> Matches(string pattern)
    {
        string[] files = [.. Try(pattern, () => Directory.GetFiles(FolderOf(pattern), Path.GetFileName(pattern)))
            .Where(DataFiles.IsData).Order(StringComparer.Ordinal)];
        return files.Length > 0
            ? files
            : throw new LapidaryException($"{pattern}: expected {DataFiles.Kinds} files, found none; check the path.");
    }

    public string ReadText(string file) => InputFile.ReadAllText(Path.Combine(_folder, file), DataCard.MaxBytes, "a data set's card");

    public IReadOnlyList<string> Fetch(IReadOnlyList<string> files) => [.. files.Select(file => Path.Combine(_folder, file))];

    private static string FolderOf(string pattern) => Path.GetDirectoryName(pattern) is { Length: > 0 } parent ? parent : ".";

    private static FileSystemEnumerable<string> Walk(string folder)
    {
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 8,
            AttributesToSkip = FileAttributes.Hidden,
        };
        return new(folder, (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(), options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,

            // A link to a folder may lead back to a parent folder.
            ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
    }

    private static T Try<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }
}
