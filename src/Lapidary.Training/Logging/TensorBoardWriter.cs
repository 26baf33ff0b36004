using Google.Protobuf;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Logging;

/// <summary>Writes scalars, texts and hyperparameters to a TensorBoard event file. A resumed run opens a new file in the same folder, and
/// TensorBoard reads both as one run. The file is a log: it grows under its final name, and each record has a checksum, so a killed
/// process loses at most the last record.</summary>
internal sealed class TensorBoardWriter : IDisposable
{
    /// <summary>How the names of event files begin.</summary>
    public const string NamePrefix = "events.out.tfevents.";

    private readonly TimeProvider _time;
    private readonly FileStream _stream;

    /// <summary>Opens a new file "events.out.tfevents.SECONDS.HOST.PID.N".</summary>
    /// <param name="folder">Its folder, created if missing.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="LapidaryException">The file cannot be created.</exception>
    public TensorBoardWriter(string folder, TimeProvider time) : this(OpenIn(folder, time), time) =>
        Write(new TensorBoardEvent { FileVersion = "brain.Event:2" });

    /// <summary>Continues a file.</summary>
    internal TensorBoardWriter(FileStream stream, TimeProvider time) => (_stream, _time) = (stream, time);

    /// <summary>The file's path.</summary>
    public string FileName => _stream.Name;

    /// <summary>Writes the scalars of one step and hands them to the operating system.</summary>
    /// <param name="step">The optimizer step.</param>
    /// <param name="scalars">Tags, such as "train/loss", and values.</param>
    /// <exception cref="LapidaryException">The scalars cannot be written.</exception>
    public void Write(long step, params ReadOnlySpan<(string Tag, double Value)> scalars)
    {
        var summary = new TensorBoardSummary();
        foreach (var (tag, value) in scalars)
            summary.Value.Add(new TensorBoardSummary.Types.Value { Tag = tag, SimpleValue = (float)value });
        Write(new TensorBoardEvent { Step = step, Summary = summary });
    }

    /// <summary>Writes a text of one step, which TensorBoard shows as Markdown.</summary>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public void WriteText(long step, string tag, string markdown)
    {
        var summary = new TensorBoardSummary();
        summary.Value.Add(PluginValue.Of("text", tag, content: null, markdown));
        Write(new TensorBoardEvent { Step = step, Summary = summary });
    }

    /// <summary>Writes a value without a step.</summary>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public void Write(TensorBoardSummary.Types.Value value)
    {
        var summary = new TensorBoardSummary();
        summary.Value.Add(value);
        Write(new TensorBoardEvent { Summary = summary });
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            // Closing retries writes that failed; those errors were reported when they happened.
        }
    }

    private void Write(TensorBoardEvent record)
    {
        record.WallTime = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        try
        {
            RecordFrame.Write(_stream, record.ToByteArray());
            _stream.Flush();
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Writing(_stream.Name, error);
        }
    }

    private static FileStream OpenIn(string folder, TimeProvider time)
    {
        try
        {
            Directory.CreateDirectory(folder);
            string stamp = $"{time.GetUtcNow().ToUnixTimeSeconds():D10}.{Host()}.{Environment.ProcessId}";
            return Open(Path.Combine(folder, NamePrefix + stamp));
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw new LapidaryException($"{folder}: expected a folder to write TensorBoard events to: {error.Message}", error);
        }
    }

    /// <summary>Two runs within a second and process get different numbers at the end.</summary>
    private static FileStream Open(string stem)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                return new FileStream($"{stem}.{i}", FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            }
            catch (IOException) when (File.Exists($"{stem}.{i}"))
            {
            }
        }
    }

    private static string Host() => string.Concat(Environment.MachineName.Select(x => char.IsAsciiLetterOrDigit(x) || x == '-' ? x : '_'));
}
