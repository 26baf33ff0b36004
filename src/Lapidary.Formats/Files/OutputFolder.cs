namespace Lapidary.Formats.Files;

/// <summary>A folder for results. It exists, is writable, belongs to this process until <see cref="Dispose"/>, and is not one of the input
/// folders. All writers of folders start here, so that a bad place is detected before the work.</summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly FolderLock _lock;

    private OutputFolder(string path, FolderLock held) => (Path, _lock) = (path, held);

    /// <summary>The folder's path, as given.</summary>
    public string Path { get; }

    /// <summary>Checks, creates and locks a folder.</summary>
    /// <param name="path">The folder; a link to one is followed.</param>
    /// <param name="inputs">Input folders that writing here would damage; they may lie inside the output or contain it.</param>
    /// <exception cref="LapidaryException">The folder is not writable, is an input, or another process writes to it.</exception>
    public static OutputFolder Open(string path, params IEnumerable<string> inputs)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0'))
            throw new LapidaryException("output folder: expected the name of a folder, found an empty or impossible text.");
        if (path == "-")
            throw new LapidaryException($"{path}: stands for standard output, expected the name of a folder; name one.");
        if (File.Exists(path)) throw new LapidaryException($"{path}: expected a folder, found a file; choose another folder.");
        string[] read = [.. inputs];
        foreach (string input in read)
        {
            try
            {
                RequireOther(path, input);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                throw FileErrors.Reading(input, e);
            }
        }

        var held = FolderLock.Acquire(path);
        if (Array.Find(read, held.Covers) is not { } same) return new OutputFolder(path, held);
        held.Dispose();
        throw IsInput(path, same);
    }

    /// <summary>Releases the folder.</summary>
    public void Dispose() => _lock.Dispose();

    private static void RequireOther(string path, string input)
    {
        if (PathIdentity.IsSame(path, input)) throw IsInput(path, input);
        string output = PathIdentity.Resolve(path);
        foreach (string file in Directory.Exists(input) ? Directory.EnumerateFiles(input) : [])
        {
            if (new FileInfo(file).LinkTarget is null || System.IO.Path.GetDirectoryName(PathIdentity.Resolve(file)) != output) continue;
            throw new LapidaryException($"{path}: holds the file that {file} is a link to; choose another output.");
        }
    }

    private static LapidaryException IsInput(string path, string input) =>
        new($"{path}: is the same folder as {input}, which is read and would be overwritten; choose another output.");
}
