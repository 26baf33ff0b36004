namespace Lapidary.Formats.Files;

/// <summary>Renames and deletes folders. On Windows a virus scanner or an indexer holds files that were just written for a moment, so there
/// it is tried again for a while.</summary>
internal static class FolderMoves
{
    /// <summary>With a wait that doubles from <see cref="FirstWait"/> on, two and a half seconds in all.</summary>
    private const int Attempts = 8;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(20);

    /// <summary>Gives a folder another name; where that is taken, the move fails.</summary>
    public static void Move(string from, string to) => Retry(() => Directory.Move(from, to), OperatingSystem.IsWindows());

    /// <summary>Gives a file another name, in place of a file that has it.</summary>
    public static void MoveFile(string from, string to) => Retry(() => File.Move(from, to, overwrite: true), OperatingSystem.IsWindows());

    /// <summary>Deletes a folder with all that is in it, if it is there.</summary>
    public static void Delete(string folder) => Retry(() =>
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }, OperatingSystem.IsWindows());

    /// <summary>Deletes a folder that nobody needs any more. Where that fails it stays, and does no harm.</summary>
    public static void DeleteQuietly(string folder)
    {
        try
        {
            Delete(folder);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // Whoever cleans up next tries again; hiding what brought us here would be worse.
        }
    }

    /// <summary>Runs an action until the file system lets it through.</summary>
    /// <param name="action">What may be tried again.</param>
    /// <param name="isPatient">Whether a refusal may pass.</param>
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
