using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Generation;

/// <summary>The file of answers, written row by row under a temporary name. An unfinished file can be continued; a file under the final
/// name is complete.</summary>
internal sealed class AnswersFile : IDisposable
{
    /// <summary>What is added to the name of an unfinished file, and of the one that says what its answers depend on.</summary>
    public const string Partial = ".partial", About = ".partial.json";

    private readonly string _path;
    private readonly FileStream _stream;
    private bool _stays;

    private AnswersFile(string path, FileStream stream) => (_path, _stream) = (path, stream);

    /// <summary>Number of answered rows.</summary>
    public int Rows { get; private set; }

    /// <summary>Refuses a path that answers cannot be written to.</summary>
    /// <exception cref="LapidaryException">A folder, device, pipe or socket has its name, or that of the unfinished file; or a file is
    /// where a folder must be.</exception>
    public static void RequirePlace(string path)
    {
        AtomicFile.RequireOrdinary(path);
        AtomicFile.RequireOrdinary(path + Partial);
        string? above = Path.GetDirectoryName(Path.GetFullPath(path));
        while (above is not null && !Path.Exists(above)) above = Path.GetDirectoryName(above);
        if (File.Exists(above))
            throw new LapidaryException($"{path}: expected a folder above it, found the file {above}; choose another name.");
    }

    /// <summary>Starts or continues a file. From here on no other process can write it.</summary>
    /// <param name="path">The final name.</param>
    /// <param name="resume">Whether to continue an existing unfinished file.</param>
    /// <param name="identity">Everything that the answers depend on.</param>
    /// <exception cref="LapidaryException">The file exists already, the unfinished one belongs to other answers, or another process writes
    /// it.</exception>
    public static AnswersFile Open(string path, bool resume, string identity)
    {
        RequirePlace(path);
        AnswersFile? file = null;
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            RequireNone(path);
            // The identity is read and written only by who holds the file that it belongs to.
            file = new AnswersFile(path, Hold(path));
            file.Begin(resume, identity);
            return file;
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (FileErrors.IsFileSystem(e)) throw FileErrors.Writing(path, e);
            throw;
        }
    }

    /// <summary>Appends the lines of some rows and saves them in case the process ends.</summary>
    public void Append(IReadOnlyList<byte[]> lines)
    {
        try
        {
            foreach (byte[] line in lines) _stream.Write(line);
            _stream.Flush(flushToDisk: true);
            Rows += lines.Count;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            var error = FileErrors.Writing(_path, e);
            if (Rows == 0) throw error;
            throw new LapidaryException(
                $"{error.Message.TrimEnd('.')}; {Rows} answers are kept: set resume to true to go on with them.", error);
        }
    }

    /// <summary>Gives the file its final name.</summary>
    public void Complete()
    {
        try
        {
            // While the file is held: nobody else may open it under the name that it loses.
            File.Move(_path + Partial, _path);
            _stays = true;
            File.Delete(_path + About);
            _stream.Dispose();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(_path, e);
        }
    }

    /// <summary>Keeps the unfinished file even if it has no answer yet, to be continued.</summary>
    public void Keep() => _stays = true;

    /// <summary>Closes the file. An unfinished one without an answer goes: nothing would be lost, and the next try need not go on with
    /// it.</summary>
    public void Dispose()
    {
        try
        {
            // Before the file is closed, which lets others in, and which fails on a full disk where half a line is not written yet.
            if (!_stays && Rows == 0)
            {
                File.Delete(_path + About);
                File.Delete(_path + Partial);
            }

            _stays = true;
            _stream.Dispose();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The first failure has been reported, and half a line is left out later.
        }
    }

    /// <summary>Deletes what a process that was killed while it wrote <see cref="About"/> left of it. The caller holds the file, or it is
    /// complete.</summary>
    public static void DeleteKilled(string path)
    {
        string full = Path.GetFullPath(path + About);
        AtomicFile.DeleteLeftovers(Path.GetDirectoryName(full)!, name => name == Path.GetFileName(full));
    }

    /// <summary>Opens the unfinished file for this process alone.</summary>
    private static FileStream Hold(string path)
    {
        try
        {
            // Windows renames and deletes an open file only where it is shared so; elsewhere that would let others open it.
            return new FileStream(
                path + Partial, FileMode.OpenOrCreate, FileAccess.ReadWrite,
                OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(path + Partial))
        {
            throw new LapidaryException(InUse(path), e);
        }
    }

    private static string InUse(string path) =>
        $"{path}{Partial}: cannot be opened; another process may be writing it: wait for it to end.";

    private static void RequireNone(string path)
    {
        if (!CompleteAnswers.Exist(path)) return;
        CompleteAnswers.DeleteLeftovers(path);
        throw new LapidaryException($"{path}: is there already; choose another name, or remove it.");
    }

    /// <summary>Finds out what the file has, once it is held.</summary>
    private void Begin(bool resume, string identity)
    {
        _stays = true; // what others began, until it is known to have no answer
        // Who held the file until now may have given it its final name, or removed it.
        if (!File.Exists(_path + Partial)) throw new LapidaryException(InUse(_path));
        _stays = _stream.Length > 0;
        RequireNone(_path);
        DeleteKilled(_path);
        var (lines, bytes) = WholeLines(_stream);
        bool isNew = lines == 0 && (_stream.Length == 0 || File.Exists(_path + About));
        if (isNew)
        {
            _stays = false;
            AtomicFile.WriteAllText(_path + About, identity);
        }
        else if (!resume)
        {
            throw new LapidaryException(
                $"{_path}{Partial}: answers were begun here; set resume to true to go on with them, or remove the file.");
        }
        else
        {
            RequireSame(_path, identity);
        }

        _stream.SetLength(bytes);
        _stream.Position = bytes;
        Rows = lines;
        _stays = false;
    }

    private static void RequireSame(string path, string identity)
    {
        if (File.Exists(path + About) && File.ReadAllText(path + About) == identity) return;
        throw new LapidaryException(
            $"{path}{Partial}: these answers were begun with another model, other rows or other options; "
            + "give the same as before, or remove the file to begin anew.");
    }

    /// <summary>The lines without an incomplete last one, and their bytes.</summary>
    private static (int Lines, long Bytes) WholeLines(FileStream stream)
    {
        byte[] buffer = new byte[1 << 16];
        long whole = 0, position = 0;
        int lines = 0;
        for (int count; (count = stream.Read(buffer)) > 0; position += count)
        {
            for (int i = 0; i < count; i++)
            {
                if (buffer[i] != (byte)'\n') continue;
                (whole, lines) = (position + i + 1, lines + 1);
            }
        }

        return (lines, whole);
    }
}
