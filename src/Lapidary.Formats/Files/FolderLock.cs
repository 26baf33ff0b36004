using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Lapidary.Formats.Files;

/// <summary>Exclusive ownership of an output folder, held until <see cref="Dispose"/>. The system releases it when the process ends in any
/// way, so the lock of a dead owner does not block others.</summary>
/// <remarks>The lock is a file opened exclusively (on Unix, flock), which others cannot read; a second file names the owner. Both are
/// deleted at the end. Deleting a locked file is safe here: the file is opened for deletion on close, so it is deleted before its lock is
/// released, and a process that gets a lock checks that its file still has its name. On a file system without locks, the second file
/// decides.</remarks>
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

    /// <summary>Whether a folder is the locked one under an unrelated name, such as that of a second mount.</summary>
    public bool Covers(string folder) => ReadLine(folder, 1) == _mark;

    /// <summary>Releases the folder, and removes it if it was created for the lock and nothing was written.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(Path.Combine(_folder, OwnerFile));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The lock itself is released below; a description without a lock has no effect.
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

    /// <summary>Whether the file system prevents a second process from opening the lock; some network file systems do not.</summary>
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

    /// <summary>A description of the owner, without arguments, which may contain secrets.</summary>
    private static string Describe()
    {
        string[] arguments = Environment.GetCommandLineArgs();
        string program = Path.GetFileNameWithoutExtension(arguments[0]);
        if (program == "lapidary" && arguments.Length > 1 && CommandName().IsMatch(arguments[1])) program += " " + arguments[1];
        string since = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        return $"process {Environment.ProcessId} on {Environment.MachineName} ({program}, since {since} UTC)";
    }

    /// <summary>Whether the process of a description runs; a process on another machine is assumed to run.</summary>
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

    /// <summary>The topmost missing folder of a path.</summary>
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
