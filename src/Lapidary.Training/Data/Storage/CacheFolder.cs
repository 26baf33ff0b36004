using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Storage;

/// <summary>Files that later runs use again, each found by a hash of all that decides its content. Without a folder that can be written
/// nothing is kept, and everything works.</summary>
/// <remarks>Only its owner may read the folder: it holds what training data say. A name appears when its file is whole; the oldest go where
/// all would be more than the limit. A file that has no owner any more is deleted by whoever writes next.</remarks>
internal sealed class CacheFolder
{
    /// <summary>Stands in the name of a file that is being written, before a random word.</summary>
    public const string TemporaryMark = "tmp-";

    /// <summary>Ending of the tokens of rows.</summary>
    public const string Tokens = ".tokens";

    /// <summary>Ending of what is known of files of rows.</summary>
    public const string Rows = ".rows";

    private const long MaxBytes = 50L << 30;

    /// <summary>The share of the disk that all files may have.</summary>
    private const int MaxShare = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string _folder;

    private CacheFolder(string folder) => _folder = folder;

    /// <summary>The folder's path.</summary>
    public string Path => _folder;

    /// <summary>The folder of a setting.</summary>
    /// <param name="setting">The folder; null for the user's own; empty for none.</param>
    /// <returns>Null where nothing is to be kept.</returns>
    public static CacheFolder? Of(string? setting)
    {
        string? folder = setting ?? UserCache.Folder("tokenized", Environment.GetEnvironmentVariable);
        return folder is { Length: > 0 } ? new(System.IO.Path.GetFullPath(folder)) : null;
    }

    /// <summary>Makes a folder that nobody else may read, unless it is there.</summary>
    public static string Create(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }

    /// <summary>Opens an entry, which is then among the last used; null where there is none.</summary>
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

    /// <summary>Waits for the turn to make an entry: look again for it once the turn has come. A process that ends gives its turn
    /// up.</summary>
    /// <returns>The turn, to be disposed; null where the file system locks nothing, and an entry is made twice at worst.</returns>
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
    /// <param name="lengthBytes">Its bytes, about.</param>
    /// <param name="content">Writes it.</param>
    /// <returns>Null, or why it is not kept.</returns>
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

    /// <summary>Not flushed to the disk as other files are: what a power cut damages is made again.</summary>
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
        TemporaryPaths.Add(temporary);
        bool isMoved = false;
        try
        {
            using var file = new FileStream(temporary, options);
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

    /// <summary>Deletes files that a killed process has left: no other has them open.</summary>
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
                // Somebody writes it.
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
            // A folder that is only read.
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
            // In use, or gone already.
        }
    }
}
