using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Storage;

/// <summary>Files for later runs, each found by a hash of everything that decides its content. If the folder cannot be written, nothing is
/// stored, and everything works.</summary>
/// <remarks>Only its owner may read the folder, because it holds training data. A name appears when its file is complete. If the total
/// exceeds the limit, the oldest files are deleted. The next writer deletes the files of dead processes.</remarks>
internal sealed class CacheFolder
{
    /// <summary>Part of the name of an unfinished file, before a random word.</summary>
    public const string TemporaryMark = "tmp-";

    /// <summary>Extension of files with the tokens of rows.</summary>
    public const string Tokens = ".tokens";

    /// <summary>Extension of files with facts about files of rows.</summary>
    public const string Rows = ".rows";

    private const long MaxBytes = 50L << 30;

    /// <summary>The share of the disk that all files together may use.</summary>
    private const int MaxShare = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string _folder;

    private CacheFolder(string folder) => _folder = folder;

    /// <summary>The folder's path.</summary>
    public string Path => _folder;

    /// <summary>Opens the folder of a setting.</summary>
    /// <param name="setting">The folder; null for the user's cache; empty for none.</param>
    /// <returns>Null if nothing is to be stored.</returns>
    public static CacheFolder? Of(string? setting)
    {
        string? folder = setting ?? UserCache.Folder("tokenized", Environment.GetEnvironmentVariable);
        return folder is { Length: > 0 } ? new(System.IO.Path.GetFullPath(folder)) : null;
    }

    /// <summary>Creates a private folder unless it exists.</summary>
    public static string Create(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }

    /// <summary>Opens an entry and marks it as used; null if it does not exist.</summary>
    public FileStream? TryOpen(string name)
    {
        string path = System.IO.Path.Combine(_folder, name);
        try
        {
            if (!File.Exists(path)) return null;
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            Touch(path);
            return file;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    /// <summary>Waits for the lock to create an entry; afterwards, check whether the entry exists now. A process that ends releases its
    /// lock.</summary>
    /// <returns>The lock, to be disposed; null if the file system has no locks, so that an entry may be created twice.</returns>
    public IDisposable? TakeTurn(string key)
    {
        while (true)
        {
            try
            {
                return new FileStream(System.IO.Path.Combine(Create(_folder), key + ".lock"), new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.None,
                    Options = FileOptions.DeleteOnClose,
                    BufferSize = 0,
                });
            }
            catch (IOException e) when (FileErrors.IsHeldByAnother(e))
            {
                Thread.Sleep(Pause);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                return null; // Nothing is kept there either.
            }
        }
    }

    /// <summary>Writes an entry.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="lengthBytes">Its approximate size.</param>
    /// <param name="content">Writes it.</param>
    /// <returns>Null, or the reason why it is not stored.</returns>
    public string? TryWrite(string name, long lengthBytes, Action<Stream> content)
    {
        try
        {
            Create(_folder);
            RemoveDead();
            if (MakeRoom(lengthBytes) is { } reason) return reason;
            Write(System.IO.Path.Combine(_folder, name), content);
            return null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return FileErrors.Writing(_folder, e).Message;
        }
    }

    /// <summary>Not flushed to the disk like other files: data damaged by a power cut are created again.</summary>
    private static void Write(string path, Action<Stream> content)
    {
        string temporary = $"{path}.{TemporaryMark}{System.IO.Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal)}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 1 << 16,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        bool isMoved = false;
        try
        {
            using var file = TemporaryPaths.Add(temporary, () => new FileStream(temporary, options));
            content(file);
            file.Flush();
            if (OperatingSystem.IsWindows()) file.Dispose(); // An open file cannot be renamed there; elsewhere it stays locked until then.
            TemporaryPaths.Remove(temporary, () => File.Move(temporary, path, overwrite: true));
            isMoved = true;
        }
        finally
        {
            if (!isMoved) TemporaryPaths.Remove(temporary, () => TryDelete(temporary));
        }
    }

    /// <summary>Deletes files of killed processes: no other process has them open.</summary>
    private void RemoveDead()
    {
        foreach (string path in Directory.GetFiles(_folder, $"*.{TemporaryMark}*"))
        {
            try
            {
                using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) File.Delete(path);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                // Another process is writing it.
            }
        }
    }

    private string? MakeRoom(long lengthBytes)
    {
        long limit = Math.Min(MaxBytes, DiskBytes() / MaxShare);
        if (lengthBytes > limit)
            return $"{_folder}: they have {ByteSize.Format(lengthBytes)}, more than the {ByteSize.Format(limit)} that are kept there.";
        FileInfo[] entries =
        [
            .. new DirectoryInfo(_folder).EnumerateFiles().Where(file => file.Extension is Tokens or Rows)
                .OrderBy(file => file.LastWriteTimeUtc),
        ];
        long total = entries.Sum(file => file.Length) + lengthBytes;
        foreach (var entry in entries)
        {
            if (total <= limit) break;
            total -= entry.Length;
            TryDelete(entry.FullName);
        }

        return null;
    }

    private long DiskBytes()
    {
        try
        {
            return new DriveInfo(_folder).TotalSize;
        }
        catch (Exception e) when (e is ArgumentException || FileErrors.IsFileSystem(e))
        {
            return long.MaxValue; // A network share may not say.
        }
    }

    private static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The folder is read-only.
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // In use, or already deleted.
        }
    }
}
