namespace Lapidary.Formats.Files;

/// <summary>Files and folders that are being written under a temporary name, so that a process that ends early can delete them.</summary>
internal static class TemporaryPaths
{
    /// <summary>Another thread may copy a file into a folder while it is deleted, which then is not empty.</summary>
    private const int Attempts = 10;

    private static readonly Lock Guard = new();
    private static readonly HashSet<string> Paths = [];

    /// <summary>Registers a file or folder and creates it, so that a process that ends deletes it or never has it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="create">Creates it.</param>
    public static T Add<T>(string path, Func<T> create)
    {
        lock (Guard)
        {
            Paths.Add(Path.GetFullPath(path));
            return create();
        }
    }

    /// <summary>Creates a folder that may lie within a registered one. Once the process ends, this waits for the end: a deleted folder does
    /// not come back.</summary>
    /// <param name="path">The folder; it may exist.</param>
    public static DirectoryInfo CreateFolder(string path)
    {
        lock (Guard) return Directory.CreateDirectory(path);
    }

    /// <summary>Unregisters a path by renaming or deleting it. Another thread that ends the process waits for this.</summary>
    /// <param name="path">As it was added.</param>
    /// <param name="finish">Renames or deletes it.</param>
    public static void Remove(string path, Action finish)
    {
        lock (Guard)
        {
            finish();
            Paths.Remove(Path.GetFullPath(path));
        }
    }

    /// <summary>Deletes all registered paths before the process ends. From here on, other threads that create or rename one wait for the
    /// end.</summary>
    public static void DeleteAll()
    {
        Guard.Enter();
        foreach (string path in Paths)
        {
            for (int i = 0; i < Attempts && !TryDelete(path); i++) Thread.Yield();
        }
    }

    private static bool TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            else File.Delete(path);
            return true;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return false; // The process ends; a later cleanup finds the temporary name.
        }
    }
}
