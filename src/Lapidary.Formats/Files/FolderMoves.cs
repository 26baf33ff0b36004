namespace Lapidary.Formats.Files;

/// <summary>Renames and deletes files and folders. On Windows, virus scanners and indexers briefly hold files that were just written, so
/// these operations are retried for a while.</summary>
internal static class FolderMoves
{
    /// <summary>The wait doubles from <see cref="FirstWait"/> on; two and a half seconds in all.</summary>
    private const int Attempts = 8;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(20);

    /// <summary>Renames a folder. Fails if the new name is taken.</summary>
    public static void Move(string from, string to) => Retry(() => Directory.Move(from, to), OperatingSystem.IsWindows());

    /// <summary>Renames a file, replacing a file of that name.</summary>
    public static void MoveFile(string from, string to) => Retry(() => File.Move(from, to, overwrite: true), OperatingSystem.IsWindows());

    /// <summary>Deletes a folder with its content, if it exists.</summary>
    public static void Delete(string folder) => Retry(() =>
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }, OperatingSystem.IsWindows());

    /// <summary>Deletes a folder that is no longer needed. If that fails, it stays and does no harm.</summary>
    public static void DeleteQuietly(string folder)
    {
        try
        {
            Delete(folder);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The next cleanup tries again; hiding the original error would be worse.
        }
    }

    /// <summary>Retries an action that the file system refuses.</summary>
    /// <param name="action">The action, which may run several times.</param>
    /// <param name="isPatient">Whether to retry.</param>
    internal static void Retry(Action action, bool isPatient)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                action();
                return;
            }
            catch (Exception e) when (isPatient && attempt < Attempts && FileErrors.IsFileSystem(e))
            {
                Thread.Sleep(FirstWait * (1 << (attempt - 1)));
            }
        }
    }
}
