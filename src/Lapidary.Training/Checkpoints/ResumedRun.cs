using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Lora;

namespace Lapidary.Training.Checkpoints;

/// <summary>A checkpoint to resume from: its state, and whether it belongs to this run.</summary>
/// <param name="Checkpoint">Its folder.</param>
/// <param name="State">trainer_state.json.</param>
/// <param name="Run">State that only Lapidary needs.</param>
internal sealed record ResumedRun(string Checkpoint, TrainerState State, RunState Run)
{
    private const string StateKey = "state", RunKey = "run";

    /// <summary>Advice for settings that differ from the checkpoint's. A checkpoint of all weights is a model by itself.</summary>
    public static string Advice(string checkpoint) =>
        $"Give the same as the {RunSettings.FileName} of that run has, or begin a new run with its weights: "
        + $"set {StartKey(checkpoint)} to {checkpoint} and choose another OutputDir.";

    /// <summary>The setting that a new run starts with from a checkpoint's weights.</summary>
    public static string StartKey(string checkpoint) =>
        MethodFiles.In(checkpoint) == TrainingMethod.Full ? RunSettings.ModelKey : RunSettings.AdapterKey;

    /// <summary>Reads a checkpoint's state.</summary>
    /// <exception cref="LapidaryException">A file is missing or damaged, or two of them do not belong together.</exception>
    public static ResumedRun Read(string checkpoint)
    {
        var resumed = new ResumedRun(checkpoint, TrainerState.Read(checkpoint), RunState.Read(checkpoint));
        int step = RunNames.StepOf(Path.GetFileName(Path.TrimEndingDirectorySeparator(checkpoint))) ?? resumed.Run.GlobalStep;
        int found = resumed.State.GlobalStep;
        if (found != resumed.Run.GlobalStep || (resumed.Run.Identity is null && found != step))
        {
            int expected = found != resumed.Run.GlobalStep ? resumed.Run.GlobalStep : step;
            throw new LapidaryException($"{Path.Combine(checkpoint, TrainerState.FileName)}: global_step: expected {expected}, "
                + $"as the checkpoint has it elsewhere, found {found}; the file was changed, choose another checkpoint.");
        }

        return resumed;
    }

    /// <summary>Reads the text of <see cref="ToText"/>.</summary>
    public static ResumedRun FromText(string text)
    {
        const string Source = "rank 0's checkpoint";
        var json = JsonNode.Parse(text)!;
        return new ResumedRun(
            Source, TrainerState.Read(new JsonSection(Source, (JsonObject)json[StateKey]!)),
            RunState.Read(new JsonSection(Source, (JsonObject)json[RunKey]!)));
    }

    /// <summary>The state that the other ranks need, as text.</summary>
    public string ToText() => new JsonObject { [StateKey] = State.ToJson(), [RunKey] = Run.ToJson() }.ToJsonString();

    /// <summary>Refuses a checkpoint of another run, or one that is beyond the end of this run.</summary>
    /// <exception cref="LapidaryException">The checkpoint is refused.</exception>
    public void Require(RunIdentity identity, string oldFingerprint, TrainedWeights weights, int totalSteps)
    {
        if (Run.Identity is { } saved) identity.Compare(saved, Checkpoint);
        else RequireOld(oldFingerprint, (weights as Adapter)?.Config);
        if (totalSteps < State.GlobalStep)
        {
            throw new LapidaryException(
                $"{Checkpoint}: MaxSteps: expected at least {State.GlobalStep}, the steps that this checkpoint has done, found "
                + $"{totalSteps}; train longer or choose an earlier checkpoint.");
        }
    }

    /// <summary>Messages for the user about how the run continues.</summary>
    public IEnumerable<string> Notes(RunIdentity identity, int totalSteps, LrSchedulerType schedule, int worldSize)
    {
        if (Run.Identity is null)
        {
            yield return $"{Checkpoint} is of version 0.1, which did not record base weights, quantization, target modules, learning rate "
                + "and optimizer: whether they are the same is not checked.";
        }
        else if (identity.Compare(Run.Identity, Checkpoint) is { Length: > 0 } changes)
        {
            yield return $"Goes on with {changes}.";
        }

        if (Run.WorldSize != worldSize)
        {
            yield return $"How rows are put into runs is planned anew, for {worldSize} ranks instead of {Run.WorldSize}: sums round in "
                + "another order than they would have.";
        }

        if (State.MaxSteps == totalSteps) yield break;
        yield return $"The run is now {Amount.Of(totalSteps, "step")} long, before {State.MaxSteps}"
            + (schedule is LrSchedulerType.Linear or LrSchedulerType.Cosine ? ": the learning rate follows the new length." : ".");
    }

    private void RequireOld(string fingerprint, LoraConfig? lora)
    {
        if (Run.OldFingerprint != fingerprint)
        {
            throw new LapidaryException(
                $"{Checkpoint}: this checkpoint was made with other data, MaxLength, packing, batch size, accumulation or seed. "
                + Advice(Checkpoint));
        }

        if (lora is null) return; // Only version 0.1 has no identity, and trained adapters alone.
        var saved = AdapterConfigFile.Read(Checkpoint);
        (string Key, object Here, object Saved)[] pairs =
        [
            ("lora_r", lora.R, saved.R), ("lora_alpha", lora.LoraAlpha, saved.LoraAlpha),
            ("lora_dropout", lora.LoraDropout, saved.LoraDropout), ("use_rslora", lora.UseRslora, saved.UseRslora),
        ];
        foreach (var (key, here, there) in pairs.Where(pair => !Equals(pair.Here, pair.Saved)))
        {
            throw new LapidaryException($"{Checkpoint}: this checkpoint is of another run: {key} is {RunSettings.Format(here)} here, "
                + $"{RunSettings.Format(there)} in the checkpoint. " + Advice(Checkpoint));
        }
    }
}
