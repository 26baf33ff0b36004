using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Optimizers;
using JsonValue = System.Text.Json.Nodes.JsonValue;

namespace Lapidary.Training;

/// <summary>trainer_state.json: the position and the log of a run. It has exactly the keys of transformers' TrainerState of versions 4 and
/// 5, because transformers refuses a file with any other key.</summary>
public sealed record TrainerState
{
    /// <summary>The file's name in an output folder or checkpoint.</summary>
    public const string FileName = "trainer_state.json";

    private const string NumTokensKey = "num_input_tokens_seen", OldNumTokensKey = "num_tokens", LogHistoryKey = "log_history";

    private const string NextStep = "choose another checkpoint";

    /// <summary>Larger than a log of millions of steps.</summary>
    private const long MaxBytes = 1L << 30;

    /// <summary>The largest whole number that every JSON reader supports.</summary>
    private const long MaxWhole = 1L << 53;

    /// <summary>Optimizer steps done.</summary>
    public int GlobalStep { get; init; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int MaxSteps { get; init; }

    /// <summary>Completed passes over the data, with fraction.</summary>
    public double Epoch { get; init; }

    /// <summary>Tokens that went through the model in training (num_input_tokens_seen).</summary>
    public long NumTokens { get; init; }

    /// <summary>Best evaluation so far: the lowest loss, or the best value of <see cref="SftConfig.EvalMetric"/>.</summary>
    public double? BestMetric { get; init; }

    /// <summary>The folder name of the checkpoint with the best evaluation.</summary>
    public string? BestModelCheckpoint { get; init; }

    /// <summary>The checkpoint whose weights the run ended with, because its evaluation is the best; null for the last step's. It is not in
    /// the file.</summary>
    internal string? LoadedCheckpoint { get; init; }

    /// <summary>The scale of the loss at the end; null where no step was scaled. It is not in the file.</summary>
    internal LossScaleState? LossScale { get; init; }

    /// <summary>Time in optimizer steps, without those before a resumption; evaluations and checkpoints do not count. It is not in the
    /// file.</summary>
    internal TimeSpan TrainingTime { get; init; }

    /// <summary>The options that transformers records here.</summary>
    internal SftConfig Config { get; init; } = new();

    /// <summary>Logged steps and evaluations, oldest first.</summary>
    public IReadOnlyList<LogEntry> LogHistory { get; init; } = [];

    /// <summary>Reads the file of a folder, which transformers may have written. Unknown keys are ignored.</summary>
    /// <exception cref="LapidaryException">It is missing or damaged; the message names the key.</exception>
    public static TrainerState Read(string folder) => Read(Open(Path.Combine(folder, FileName)));

    /// <summary>Reads the JSON of <see cref="ToJson"/>.</summary>
    internal static TrainerState Read(JsonSection json)
    {
        int maxSteps = (int)Whole(json, "max_steps", 0, int.MaxValue);
        return new TrainerState
        {
            GlobalStep = (int)Whole(json, "global_step", 0, maxSteps),
            MaxSteps = maxSteps,
            Epoch = json.Number("epoch", 0, 0, double.MaxValue),
            NumTokens = Tokens(json),
            BestMetric = json.Has("best_metric") && !IsNotFinite(json.Json["best_metric"]!)
                ? json.Number("best_metric", 0, double.MinValue, double.MaxValue)
                : null,
            BestModelCheckpoint = json.Text("best_model_checkpoint"),
            LogHistory = ReadLog(json),
        };
    }

    /// <summary>Writes the file, atomically.</summary>
    public void Write(string folder) => AtomicFile.WriteAllText(Path.Combine(folder, FileName), JsonFile.ToText(ToJson()));

    /// <summary>The file's object.</summary>
    internal JsonObject ToJson() => new()
    {
        ["best_metric"] = BestMetric,
        ["best_model_checkpoint"] = BestModelCheckpoint,
        ["epoch"] = Epoch,
        ["eval_steps"] = Config.EvalSteps,
        ["global_step"] = GlobalStep,
        ["is_hyper_param_search"] = false,
        ["is_local_process_zero"] = true,
        ["is_world_process_zero"] = true,
        [LogHistoryKey] = LogJson.Write(LogHistory),
        ["logging_steps"] = Config.LoggingSteps,
        ["max_steps"] = MaxSteps,
        [NumTokensKey] = NumTokens,
        ["num_train_epochs"] = (long)Math.Ceiling(Config.NumTrainEpochs),
        ["save_steps"] = Config.SaveSteps,
        ["total_flos"] = 0,
        ["train_batch_size"] = Config.PerDeviceTrainBatchSize,
        ["trial_name"] = null,
        ["trial_params"] = null,
    };

    /// <summary>A state file's object.</summary>
    /// <exception cref="LapidaryException">It is missing or damaged.</exception>
    internal static JsonSection Open(string path)
    {
        byte[] json = InputFile.ReadAllBytes(path, MaxBytes, "a JSON file");
        return new(path, JsonFile.Parse(path, NonFiniteNumbers.Quote(json) ?? json)); // transformers logs a NaN as such
    }

    /// <summary>The error for a key that is missing or has a wrong value.</summary>
    internal static LapidaryException Damaged(JsonSection json, string key, string expected) => json.Error(key, expected, NextStep);

    /// <summary>A required whole number.</summary>
    internal static long Whole(JsonSection json, string key, long min = 0, long max = MaxWhole) =>
        json.Json[key] is JsonValue value && value.TryGetValue(out long number) && number >= min && number <= max
            ? number
            : throw Damaged(json, key, max == MaxWhole ? $"a whole number from {min}" : $"a whole number from {min} to {max}");

    private static bool IsNotFinite(JsonNode value) => value.GetValueKind() == JsonValueKind.String
        && NonFiniteNumbers.Read(Encoding.UTF8.GetBytes(value.GetValue<string>())) is not null;

    private static long Tokens(JsonSection json) =>
        json.Has(NumTokensKey) ? Whole(json, NumTokensKey) : json.Has(OldNumTokensKey) ? Whole(json, OldNumTokensKey) : 0;

    private static LogEntry[] ReadLog(JsonSection json)
    {
        if (!json.Has(LogHistoryKey)) return [];
        if (json.Json[LogHistoryKey] is not JsonArray entries) throw Damaged(json, LogHistoryKey, "a list of objects");
        try
        {
            return [.. entries.Select(entry => LogJson.Read(entry) ?? throw Damaged(json, LogHistoryKey, "a list of objects"))];
        }
        catch (JsonException e)
        {
            throw Damaged(json, LogHistoryKey, $"entries with a number as {e.Path?.TrimStart('$', '.')}");
        }
    }
}
