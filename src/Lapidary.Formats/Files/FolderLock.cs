using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Lapidary.Formats.Files;

/// <summary>The one owner of an output folder. Held until <see cref="Dispose"/>; the system releases it when its process ends in any way,
/// so that a dead owner's lock is no obstacle.</summary>
/// <remarks>The lock is an exclusively opened file (on Unix, flock), which others cannot read; who holds it stands in a second file. Both
/// are gone at the end. Deleting a locked file is safe here: opened for deletion on close, it is deleted before its lock is given up, and
/// who waits for a lock makes sure that its file still has its name. Where the file system has no locks, the second file decides.</remarks>
internal sealed partial class FolderLock : IDisposable
{
    private const string LockFile = ".lapidary.lock", OwnerFile = ".lapidary.owner";

    private readonly string _folder;
    private readonly string? _firstCreated;
    private readonly FileStream _stream;
    private readonly string _mark = Guid.NewGuid().ToString("N");

    private FolderLock(string folder, string? firstCreated, FileStream stream) =>
        (_folder, _firstCreated, _stream) = (folder, firstCreated, stream);

    /// <summary>Makes this process the owner of a folder, which is created when absent.</summary>
    /// <exception cref="LapidaryException">Another process (or another part of this one) owns it, or it cannot be written.</exception>
    public static FolderLock Acquire(string folder)
    {
        // The path stays the same when the program changes its directory.
        string path = PathIdentity.Resolve(folder);
        try
        {
            string? firstCreated = FirstMissing(path);
            var held = new FolderLock(path, firstCreated, Open(path, folder));
            if (!IsExclusive(path) && ReadOwner(path) is { } owner && IsAlive(owner))
            {
                held._stream.Dispose(); // Which leaves the description to its writer.
                throw InUse(folder, owner, $", or delete {OwnerFile} in it if that has ended");
            }

            try
            {
                File.WriteAllText(Path.Combine(path, OwnerFile), $"{Describe()}\n{held._mark}\n");
                return held;
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(folder, e);
        }
    }

    /// <summary>Who owns a folder, in words, as far as its files tell; null for nobody. The lock is not touched.</summary>
    public static string? OwnerOf(string folder) =>
        ReadOwner(PathIdentity.Resolve(folder)) is { } owner && IsAlive(owner) ? owner : null;

    /// <summary>Whether a path is a file of a lock, which is no content of its folder.</summary>
    public static bool IsPartOf(string path) => Path.GetFileName(path) is LockFile or OwnerFile;

    /// <summary>Whether a folder is the locked one under a name that does not tell, as that of a second mount.</summary>
    public bool Covers(string folder) => ReadLine(folder, 1) == _mark;

    /// <summary>Gives the folder up, and removes it again if it was created for the lock and nothing was written.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(Path.Combine(_folder, OwnerFile));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The lock itself is given up below; a description without a lock says nothing.
        }

        _stream.Dispose();
        RemoveFolders();
    }

    private static FileStream Open(string path, string folder)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(path);
                return new FileStream(Path.Combine(path, LockFile), new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.None,
                    Options = FileOptions.DeleteOnClose,
                });
            }
            catch (IOException e) when (FileErrors.IsHeldByAnother(e))
            {
                throw InUse(folder, ReadOwner(path));
            }
            catch (DirectoryNotFoundException) when (attempt < 10)
            {
                // The last owner has just removed the folder it had created.
            }
        }
    }

    /// <summary>Whether the file system keeps a second one from opening the lock; some network file systems do not.</summary>
    private static bool IsExclusive(string path)
    {
        try
        {
            File.Open(Path.Combine(path, LockFile), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (IOException e) when (FileErrors.IsHeldByAnother(e))
        {
            return true;
        }
    }

    private static string? ReadOwner(string path) => ReadLine(path, 0) is { Length: > 0 } owner ? FileErrors.OneLine(owner) : null;

    private static string? ReadLine(string path, int number)
    {
        try
        {
            using var reader = new StreamReader(Path.Combine(path, OwnerFile));
            char[] text = new char[1024];
            return new string(text, 0, reader.ReadBlock(text)).Split('\n').ElementAtOrDefault(number);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    /// <summary>Who holds the lock, in words: without arguments, among which may be secrets.</summary>
    private static string Describe()
    {
        string[] arguments = Environment.GetCommandLineArgs();
        string program = Path.GetFileNameWithoutExtension(arguments[0]);
        if (program == "lapidary" && arguments.Length > 1 && CommandName().IsMatch(arguments[1])) program += " " + arguments[1];
        string since = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        return $"process {Environment.ProcessId} on {Environment.MachineName} ({program}, since {since} UTC)";
    }

    /// <summary>Whether the process of a description runs; one on another machine is taken to run.</summary>
    private static bool IsAlive(string owner)
    {
        var match = OwnerText().Match(owner);
        if (!match.Success) return false;
        if (match.Groups["host"].Value != Environment.MachineName) return true;
        try
        {
            using var process = Process.GetProcessById(int.Parse(match.Groups["id"].Value, CultureInfo.InvariantCulture));
            return !process.HasExited;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    private static LapidaryException InUse(string folder, string? owner, string more = "") =>
        new($"{folder}: in use by {owner ?? "another process"}; wait for it or choose another folder{more}.");

    /// <summary>The uppermost folder that does not exist yet, on the way down to one.</summary>
    private static string? FirstMissing(string path)
    {
        string? missing = null;
        for (string? folder = path; folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
            missing = folder;
        return missing;
    }

    private void RemoveFolders()
    {
        if (_firstCreated is null) return;
        try
        {
            for (string? folder = _folder; folder?.Length >= _firstCreated.Length; folder = Path.GetDirectoryName(folder))
                Directory.Delete(folder);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // Not empty, so it stays.
        }
    }

    [GeneratedRegex("^[a-z]{1,16}$", RegexOptions.CultureInvariant)]
    private static partial Regex CommandName();

    [GeneratedRegex(@"^process (?<id>[0-9]{1,9}) on (?<host>\S+) \(", RegexOptions.CultureInvariant)]
    private static partial Regex OwnerText();
}
