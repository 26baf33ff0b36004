using System.Text.Json;
using System.Text.Json.Serialization;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Logging;

namespace Lapidary.Training;

/// <summary>trainer_state.json: where a run stands and what it logged; names as transformers writes them.</summary>
public sealed record TrainerState
{
    /// <summary>The file's name in an output folder or checkpoint.</summary>
    public const string FileName = "trainer_state.json";

    /// <summary>Optimizer steps done.</summary>
    public int GlobalStep { get; init; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int MaxSteps { get; init; }

    /// <summary>Passes over the data done, with fraction.</summary>
    public double Epoch { get; init; }

    /// <summary>Tokens that went through the model in training.</summary>
    public long NumTokens { get; init; }

    /// <summary>Lowest evaluation loss so far.</summary>
    public double? BestMetric { get; init; }

    /// <summary>Checkpoint of the lowest evaluation loss.</summary>
    public string? BestModelCheckpoint { get; init; }

    /// <summary>Data, packing, max_length, batch size, accumulation, seed and shuffling of the run: it is only resumed with the
    /// same.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Rows that go through the model at a time: a resumed run goes on with as many, so that its bits are the same; 0 where not
    /// recorded.</summary>
    public int RowsPerRun { get; init; }

    /// <summary>Logits held at a time, for the same reason.</summary>
    public long MaxLogitsBytes { get; init; }

    /// <summary>Measured since the last entry of the log.</summary>
    [JsonInclude]
    internal LossMeter Pending { get; init; } = new();

    /// <summary>Logged steps and evaluations, oldest first.</summary>
    public IReadOnlyList<LogEntry> LogHistory { get; init; } = [];

    /// <summary>Reads the file of a folder.</summary>
    /// <exception cref="LapidaryException">It is missing or damaged.</exception>
    public static TrainerState Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), TrainerJson.Default.TrainerState)
                ?? throw new LapidaryException($"{path}: expected a JSON object, found null.");
        }
        catch (Exception e) when (e is JsonException || FileErrors.IsFileSystem(e))
        {
            throw new LapidaryException($"{path}: cannot be read ({e.Message}). Choose another checkpoint.", e);
        }
    }

    /// <summary>Writes the file, atomically.</summary>
    public void Write(string folder) =>
        AtomicFile.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, TrainerJson.Default.TrainerState) + "\n");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TrainerState))]
internal sealed partial class TrainerJson : JsonSerializerContext;
