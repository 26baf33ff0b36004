using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Generation;

/// <summary>The file of answers, written row by row under a temporary name. An unfinished file can be continued; a file under the final
/// name is complete.</summary>
internal sealed class AnswersFile : IDisposable
{
    private const string Partial = ".partial", About = ".partial.json";

    private readonly string _path;
    private readonly FileStream _stream;
    private bool _stays;

    private AnswersFile(string path, FileStream stream, int rows) => (_path, _stream, Rows) = (path, stream, rows);

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

    /// <summary>Whether a file is complete, so that nothing is left to do.</summary>
    public static bool IsComplete(string path) => File.Exists(path);

    /// <summary>Number of rows of a complete file that have an error instead of an answer.</summary>
    /// <exception cref="LapidaryException">It is no file of answers, or an unfinished one lies beside it.</exception>
    public static int FailedRows(string path)
    {
        if (File.Exists(path + Partial))
            throw new LapidaryException($"{path}: is there beside the unfinished {path}{Partial}; move one of them away.");
        int line = 0, failed = 0;
        foreach (string text in File.ReadLines(path))
        {
            line++;
            if (Answer.HasFailed(text) is not { } hasFailed)
                throw new LapidaryException($"{path} line {line}: expected an answer, found another line; choose another output.");
            failed += hasFailed ? 1 : 0;
        }

        return line > 0 ? failed : throw new LapidaryException($"{path}: expected answers, found an empty file; remove it.");
    }

    /// <summary>Checks that a complete file has an answer to each row, in their order.</summary>
    /// <exception cref="LapidaryException">It answers other rows, or has another form.</exception>
    public static void RequireRows(string path, IReadOnlyList<RowQuestion> questions)
    {
        int line = 0;
        foreach (string text in File.ReadLines(path))
        {
            var question = questions[line++];
            try
            {
                using var found = JsonDocument.Parse(text);
                using var expected = JsonDocument.Parse(new Answer(null, null, null, null).Line(question));
                _ = found.RootElement.TryGetProperty("output", out var output)
                    ? output.GetString()
                    : throw new LapidaryException($"{path} line {line}: expected an answer with its text as output, found none.");
                foreach (var column in expected.RootElement.EnumerateObject().Where(column => !Answer.Replaces(column.Name)))
                {
                    if (found.RootElement.TryGetProperty(column.Name, out var same) && JsonElement.DeepEquals(same, column.Value)) continue;
                    throw new LapidaryException(
                        $"{path} line {line}: answers another row than {question.Record.Origin}, {Printable.Line(column.Name)} differs; "
                        + $"give the data set that it was made of, or choose another output.");
                }
            }
            catch (Exception e) when (e is InvalidOperationException or JsonException)
            {
                // No object, no text, or half of a surrogate pair.
                throw new LapidaryException($"{path} line {line}: expected an answer, found another line; choose another output.", e);
            }
        }
    }

    /// <summary>Starts or continues a file.</summary>
    /// <param name="path">The final name.</param>
    /// <param name="resume">Whether to continue an existing unfinished file.</param>
    /// <param name="identity">Everything that the answers depend on.</param>
    /// <exception cref="LapidaryException">The file exists already, or the unfinished one belongs to other answers.</exception>
    public static AnswersFile Open(string path, bool resume, string identity)
    {
        RequirePlace(path);
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            bool goesOn = resume && File.Exists(path + Partial);
            if (File.Exists(path)) throw new LapidaryException($"{path}: is there already; choose another name, or remove it.");
            if (!resume && File.Exists(path + Partial))
            {
                using var unused = new FileStream(path + Partial, FileMode.Open, FileAccess.ReadWrite, FileShare.None); // or it is in use
                throw new LapidaryException(
                    $"{path}{Partial}: answers were begun here; set resume to true to go on with them, or remove the file.");
            }

            if (goesOn) RequireSame(path, identity);
            else AtomicFile.WriteAllText(path + About, identity);
            var stream = new FileStream(path + Partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new AnswersFile(path, stream, KeepWholeLines(stream));
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(path + Partial))
        {
            throw new LapidaryException($"{path}{Partial}: cannot be opened; another process may be writing it: wait for it to end.", e);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
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
            _stream.Dispose();
            File.Move(_path + Partial, _path);
            _stays = true;
            File.Delete(_path + About);
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
            _stream.Dispose();
            if (_stays || Rows > 0) return;
            File.Delete(_path + Partial);
            File.Delete(_path + About);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // Closing flushes, which fails again on a full disk; the first failure has been reported, and half a line is left out later.
        }
    }

    private static void RequireSame(string path, string identity)
    {
        if (File.Exists(path + About) && File.ReadAllText(path + About) == identity) return;
        throw new LapidaryException(
            $"{path}{Partial}: these answers were begun with another model, other rows or other options; "
            + "give the same as before, or remove the file to begin anew.");
    }

    /// <summary>Removes an incomplete last line.</summary>
    /// <returns>Number of remaining lines.</returns>
    private static int KeepWholeLines(FileStream stream)
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

        stream.SetLength(whole);
        stream.Position = whole;
        return lines;
    }
}
