using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Logging;

/// <summary>samples.jsonl of a run's folder: one line for each evaluation with samples. The file is a log: it grows under its final name,
/// so a killed process loses at most the last line. A resumed run appends; for a step that occurs twice, the later line counts.</summary>
/// <param name="folder">The run's folder.</param>
internal sealed class SampleFile(string folder) : ITrainingObserver
{
    /// <summary>The file's name in a run's folder.</summary>
    public const string FileName = "samples.jsonl";

    private const long MaxBytes = 256 << 20;

    /// <inheritdoc/>
    public void OnSamples(int step, IReadOnlyList<EvaluationSample> samples)
    {
        string path = Path.Combine(folder, FileName);
        byte[] line = JsonSerializer.SerializeToUtf8Bytes(new SampleLine(step, samples), SampleJson.Lines.SampleLine);
        try
        {
            using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            if (stream.Length > 0) // a killed process may have left half a line
            {
                stream.Seek(-1, SeekOrigin.End);
                if (stream.ReadByte() != '\n') stream.WriteByte((byte)'\n');
            }

            stream.Write([.. line, (byte)'\n']);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>The evaluations of a run, by step. Lines that are not whole are left out.</summary>
    /// <exception cref="LapidaryException">The file cannot be read.</exception>
    public static IReadOnlyList<(int Step, IReadOnlyList<EvaluationSample> Samples)> Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!InputFile.IsThere(path)) return [];
        var found = new SortedDictionary<int, IReadOnlyList<EvaluationSample>>();
        foreach (string text in InputFile.ReadAllText(path, MaxBytes, "samples of a run").Split('\n'))
        {
            try
            {
                if (text.Length > 0 && JsonSerializer.Deserialize(text, SampleJson.Lines.SampleLine) is { Samples: { } samples } line)
                    found[line.Step] = [.. samples.Where(sample => sample?.Question is not null)];
            }
            catch (JsonException)
            {
                // Half a line, or one of another program.
            }
        }

        return [.. found.Select(pair => (pair.Key, pair.Value))];
    }
}

/// <summary>A line of the file.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Samples">Texts of the evaluation.</param>
internal sealed record SampleLine(int Step, IReadOnlyList<EvaluationSample> Samples);

[JsonSerializable(typeof(SampleLine))]
internal sealed partial class SampleJson : JsonSerializerContext
{
    /// <summary>Text unescaped, except where JSON requires escapes.</summary>
    public static SampleJson Lines { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
