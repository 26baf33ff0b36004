using System.Text;

namespace Lapidary.Formats.Files;

/// <summary>A file that appears under its name only when it is complete: it is written as "name.tmp-random" in the same folder, flushed to
/// the disk and renamed. A failure or a killed process never leaves half a file under the final name.</summary>
/// <remarks>All members throw <see cref="LapidaryException"/> when the disk is full or the folder may not be written.</remarks>
internal sealed class AtomicFile : IDisposable
{
    private const int BufferBytes = 1 << 16;

    private const string StandardOutput = "-", Mark = ".tmp-";

    /// <summary>Letters and digits after the mark: those of a random file name without its dot.</summary>
    private const int RandomLength = 11;

    private readonly string _temporaryPath;
    private FileStream? _stream;

    private AtomicFile(string path, string temporaryPath, FileStream stream) =>
        (Path, _temporaryPath, _stream) = (path, temporaryPath, stream);

    /// <summary>The name the file will have.</summary>
    public string Path { get; }

    /// <summary>Starts a file; its folder is created when absent.</summary>
    /// <param name="path">The final name; an existing file is replaced by <see cref="Commit"/>.</param>
    /// <param name="lengthBytes">The length if known, so that a full disk is detected before the work; else 0.</param>
    /// <param name="isSecret">Whether nobody but its owner may read it, from its first byte on (mode 0600).</param>
    /// <exception cref="LapidaryException">Also: the name is that of a folder, device, pipe or socket.</exception>
    public static AtomicFile Create(string path, long lengthBytes = 0, bool isSecret = false)
    {
        RequireOrdinary(path);
        string temporary = $"{path}{Mark}{System.IO.Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal)}";
        try
        {
            if (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) is { } folder)
            {
                TemporaryPaths.CreateFolder(folder);
                DiskSpace.Require(folder, lengthBytes);
            }

            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = BufferBytes,
            };
            if (isSecret && !OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return new AtomicFile(path, temporary, TemporaryPaths.Add(temporary, () => new FileStream(temporary, options)));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            TemporaryPaths.Remove(temporary, () => { });
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>Refuses a name that no file may take: "-", and that of something which is there and is no ordinary file. A link counts as
    /// what it leads to.</summary>
    /// <remarks>Renaming would replace it: a device, which all programs share. Opening it could wait for ever, or end who waits at the
    /// other end of a pipe.</remarks>
    /// <exception cref="LapidaryException">It is such a name.</exception>
    public static void RequireOrdinary(string path)
    {
        if (path == StandardOutput)
            throw new LapidaryException($"{path}: stands for standard output, which this is not written to; name a file.");
        if (SpecialFile.KindOf(path) is not { } found) return;
        throw new LapidaryException(
            $"{path}: is not an ordinary file, but {found}; name a file, or {StandardOutput} for standard output where the command takes "
            + "it.");
    }

    /// <summary>Writes a text file in UTF-8 without a byte order mark.</summary>
    public static void WriteAllText(string path, string text) => WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes a text file that nobody but its owner may read.</summary>
    public static void WriteSecret(string path, string text)
    {
        using var file = Create(path, isSecret: true);
        file.Write(Encoding.UTF8.GetBytes(text));
        file.Commit();
    }

    /// <summary>Writes a file from memory.</summary>
    public static void WriteAllBytes(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = Create(path);
        file.Write(bytes);
        file.Commit();
    }

    /// <summary>Writes a file with the content that <paramref name="content"/> writes to the stream. If it throws, no file
    /// appears.</summary>
    public static void WriteStream(string path, Action<Stream> content)
    {
        using var file = Create(path);
        file.Write(content);
        file.Commit();
    }

    /// <summary>Appends bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            Open.Write(bytes);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(Path, e);
        }
    }

    /// <summary>Appends what <paramref name="content"/> writes; it must not close the stream.</summary>
    public void Write(Action<Stream> content)
    {
        try
        {
            content(Open);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(Path, e);
        }
    }

    /// <summary>Bytes written so far.</summary>
    public long Position => Open.Position;

    /// <summary>Flushes to the disk and closes, still under the temporary name.</summary>
    public void Finish()
    {
        if (_stream is null) return;
        try
        {
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            _stream = null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(Path, e);
        }
    }

    /// <summary>Finishes the file and gives it its final name.</summary>
    public void Commit()
    {
        Finish();
        RequireOrdinary(Path); // again: something may have taken the name meanwhile
        try
        {
            TemporaryPaths.Remove(_temporaryPath, () => FolderMoves.MoveFile(_temporaryPath, Path));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(Path, e);
        }
    }

    /// <summary>Deletes the temporary file if it was not committed.</summary>
    public void Dispose()
    {
        try
        {
            _stream?.Dispose();
        }
        catch (IOException)
        {
            // Closing flushes, which fails again on a full disk; the first failure has been reported and the file is deleted below.
        }

        _stream = null;
        TemporaryPaths.Remove(_temporaryPath, () => DeleteQuietly(_temporaryPath));
    }

    /// <summary>Deletes the unfinished files that killed processes left in a folder. The caller holds the folder: no file is under
    /// way.</summary>
    /// <param name="folder">The folder; those below it are left alone.</param>
    /// <param name="isOwn">Whether a final name is one of the caller's files.</param>
    public static void DeleteLeftovers(string folder, Func<string, bool> isOwn)
    {
        foreach (string file in Directory.GetFiles(folder, $"*{Mark}*"))
        {
            string name = System.IO.Path.GetFileName(file);
            int at = name.LastIndexOf(Mark, StringComparison.Ordinal);
            if (name.Length - at - Mark.Length == RandomLength && isOwn(name[..at])) DeleteQuietly(file);
        }
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // A left-over temporary file does no harm; hiding the original error would.
        }
    }

    private FileStream Open => _stream ?? throw new InvalidOperationException($"{Path} is already finished.");
}
