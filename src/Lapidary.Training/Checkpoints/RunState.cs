using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Logging;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Checkpoints;

/// <summary>lapidary_state.json of a checkpoint: the state that a run needs to resume with the same bits, apart from trainer_state.json,
/// which has only transformers' keys.</summary>
internal sealed record RunState
{
    /// <summary>The file's name in a checkpoint.</summary>
    public const string FileName = "lapidary_state.json";

    private const int Version = 1;

    /// <summary>Optimizer steps done, as in trainer_state.json.</summary>
    public required int GlobalStep { get; init; }

    /// <summary>Rows that go through the model at a time. A resumed run uses the same number, so that its bits are the same.</summary>
    public required int RowsPerRun { get; init; }

    /// <summary>Logits held at a time, for the same reason.</summary>
    public required long MaxLogitsBytes { get; init; }

    /// <summary>Number of ranks. A resumed run with the same number keeps the rows per run and the logits.</summary>
    public required int WorldSize { get; init; }

    /// <summary>The scale of the loss; null where no step was scaled.</summary>
    public LossScaleState? LossScale { get; init; }

    /// <summary>Measured since the last entry of the log.</summary>
    public required LossMeter Pending { get; init; }

    /// <summary>The identity of the run; null in a checkpoint of 0.1.</summary>
    public required RunIdentity? Identity { get; init; }

    /// <summary>The identity in a checkpoint of 0.1: one hash over data, packing, lengths, batches and seed.</summary>
    public string? OldFingerprint { get; private init; }

    /// <summary>Reads the file of a checkpoint, or the values that 0.1 stored in trainer_state.json.</summary>
    /// <exception cref="LapidaryException">The file is missing, damaged, or of a later version.</exception>
    public static RunState Read(string checkpoint)
    {
        string path = Path.Combine(checkpoint, FileName);
        return InputFile.IsThere(path) ? Read(TrainerState.Open(path)) : ReadOld(checkpoint);
    }

    /// <summary>Reads the JSON of <see cref="ToJson"/>.</summary>
    /// <exception cref="LapidaryException">It is damaged or of a later version.</exception>
    public static RunState Read(JsonSection json)
    {
        int version = (int)TrainerState.Whole(json, "version", 0, int.MaxValue);
        if (version > Version)
        {
            throw new LapidaryException(
                $"{json.Path}: is of version {version}, which a later Lapidary wrote; this one knows {Version}. Update Lapidary.");
        }

        return new RunState
        {
            GlobalStep = (int)TrainerState.Whole(json, "global_step", 0, int.MaxValue),
            RowsPerRun = (int)TrainerState.Whole(json, "rows_per_run", 1, int.MaxValue),
            MaxLogitsBytes = TrainerState.Whole(json, "max_logits_bytes", 1),
            WorldSize = json.Has("world_size") ? (int)TrainerState.Whole(json, "world_size", 1, int.MaxValue) : 1,
            LossScale = ReadLossScale(json),
            Pending = ReadPending(json),
            Identity = RunIdentity.Read(json.Section("identity") ?? throw TrainerState.Damaged(json, "identity", "an object")),
        };
    }

    /// <summary>Writes the file, atomically.</summary>
    public void Write(string checkpoint) => AtomicFile.WriteAllText(Path.Combine(checkpoint, FileName), JsonFile.ToText(ToJson()));

    /// <summary>The file's object.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["version"] = Version,
            ["global_step"] = GlobalStep,
            ["rows_per_run"] = RowsPerRun,
            ["max_logits_bytes"] = MaxLogitsBytes,
            ["world_size"] = WorldSize,
            ["pending"] = new JsonObject
            {
                ["loss_sum"] = Pending.LossSum,
                ["steps"] = Pending.Steps,
                ["hits"] = Pending.Hits,
                ["trained_tokens"] = Pending.TrainedTokens,
            },
            ["identity"] = Identity?.ToJson() ?? [],
        };
        if (LossScale is var (exponent, cleanSteps, repeatedSteps))
        {
            json["loss_scale"] = new JsonObject
            {
                ["exponent"] = exponent,
                ["clean_steps"] = cleanSteps,
                ["repeated_steps"] = repeatedSteps,
            };
        }

        return json;
    }

    private static RunState ReadOld(string checkpoint)
    {
        string path = Path.Combine(checkpoint, TrainerState.FileName);
        var json = TrainerState.Open(path);
        if (json.Text("fingerprint") is not { Length: > 0 } fingerprint)
        {
            throw new LapidaryException(
                $"{checkpoint}: expected {FileName}, found none; this checkpoint was made by another program. "
                + $"Start anew with it as {ResumedRun.StartKey(checkpoint)} to train on from its weights.");
        }

        return new RunState
        {
            GlobalStep = (int)TrainerState.Whole(json, "global_step", 0, int.MaxValue),
            RowsPerRun = json.Has("rows_per_run") ? (int)TrainerState.Whole(json, "rows_per_run", 0, int.MaxValue) : 0,
            MaxLogitsBytes = json.Has("max_logits_bytes") ? TrainerState.Whole(json, "max_logits_bytes") : 0,
            WorldSize = 1,
            Pending = ReadPending(json),
            Identity = null,
            OldFingerprint = fingerprint,
        };
    }

    /// <summary>A scale that is too large is lowered by the first step. One that is too small would lose gradients without a
    /// word.</summary>
    private static LossScaleState? ReadLossScale(JsonSection json) => json.Section("loss_scale") is { } scale
        ? new LossScaleState(
            (int)TrainerState.Whole(scale, "exponent", Optimizers.LossScale.Least, 127),
            (int)TrainerState.Whole(scale, "clean_steps", 0, Optimizers.LossScale.GrowthInterval - 1),
            scale.Has("repeated_steps") ? (int)TrainerState.Whole(scale, "repeated_steps", 0, int.MaxValue) : 0)
        : null;

    private static LossMeter ReadPending(JsonSection json)
    {
        var pending = json.Section("pending") ?? throw TrainerState.Damaged(json, "pending", "an object");
        return new LossMeter
        {
            LossSum = pending.Number("loss_sum", 0, double.MinValue, double.MaxValue),
            Steps = (int)TrainerState.Whole(pending, "steps", 0, int.MaxValue),
            Hits = TrainerState.Whole(pending, "hits"),
            TrainedTokens = TrainerState.Whole(pending, "trained_tokens"),
        };
    }
}
