namespace Lapidary.Formats.Files;

/// <summary>Files and folders that are being written under a temporary name, so that a process that ends in the middle can delete
/// them.</summary>
internal static class TemporaryPaths
{
    private static readonly Lock Guard = new();
    private static readonly HashSet<string> Paths = [];

    /// <summary>Notes a file or folder that is about to be made.</summary>
    public static void Add(string path)
    {
        lock (Guard) Paths.Add(Path.GetFullPath(path));
    }

    /// <summary>Forgets one, by giving it its final name or deleting it; another thread that ends the process waits for this.</summary>
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

    /// <summary>Deletes all for a process that ends now: from here on no other thread of it makes or renames one, but waits for the
    /// end.</summary>
    public static void DeleteAll()
    {
        Guard.Enter();
        foreach (string path in Paths)
        {
            try
            {
                if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
                else File.Delete(path);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                // The process ends; whoever cleans the folder later finds the temporary name.
            }
        }
    }
}
