using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Weights;
using Lapidary.Training;
using Lapidary.Training.Steps;

namespace Lapidary.Cli.Runs;

/// <summary>The lines that describe a run before it starts.</summary>
internal static class TrainingBanner
{
    /// <summary>Fewer optimizer steps than this hardly move an adapter from its start.</summary>
    private const int Few = 20;

    /// <summary>Model, device and what is trained.</summary>
    public static void Show(CommandRun run, ModelSettings settings, ModelSession session)
    {
        var (people, values, config) = (run.People, run.Values, session.Model.Config);
        long parameters = GemmaTensors.Of(config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        people.WriteLine($"model      {values.Get(settings.Model)}: {config.NumHiddenLayers} layers, {parameters:N0} parameters, "
            + $"stored as {config.Dtype}");
        people.WriteLine($"device     {DeviceSettings.Describe(session.Backend)} ({run.Line(DeviceSettings.Reason(values))})");
        string held = Quantization(settings, values, session.Model);
        if (session.Adapter is not { } adapter)
        {
            var all = session.Trained!;
            people.WriteLine($"base       {held}, trained in float32");
            people.WriteLine($"weights    all of them: {all.ParameterCount:N0} trained values, files {ByteSize.Format(all.FileBytes)}");
            return;
        }

        people.WriteLine($"base       {held}, frozen");
        string saved = (adapter.Embedding, adapter.Head) switch
        {
            (null, null) => "",
            (not null, null) => ", embed_tokens whole",
            (null, not null) => ", lm_head whole",
            _ => adapter.IsTied
                ? ", embed_tokens and lm_head whole as one tied matrix"
                : ", embed_tokens and lm_head whole, untied",
        };
        people.WriteLine($"adapter    r {adapter.Config.R} on {adapter.TargetedModules.Count()} layers{saved}: "
            + $"{adapter.ParameterCount:N0} trained values, file {ByteSize.Format(adapter.FileBytes)}");
    }

    /// <summary>Notes on what the user may not expect.</summary>
    /// <param name="values">Options.</param>
    /// <param name="settings">Those of the model.</param>
    /// <param name="config">Of the run.</param>
    /// <param name="session">The model on its device.</param>
    /// <param name="data">Its rows.</param>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="usable">Usable GPUs, if the user has not chosen one.</param>
    public static IEnumerable<string> Notes(
        SettingValues values, ModelSettings settings, SftConfig config, ModelSession session, TrainingData data, int worldSize,
        IReadOnlyList<int> usable)
    {
        if (usable.Count > 1)
            yield return $"{usable.Count} GPUs are here: --device {DeviceSettings.NameOf(usable)} uses all of them.";
        foreach (string note in session.Notes) yield return note;
        var adapter = session.Adapter;
        long whole = (adapter?.Embedding?.Value.Count ?? 0) + (adapter is { IsTied: false, Head: { } head } ? head.Value.Count : 0);
        if (whole * 2 > adapter?.ParameterCount)
        {
            yield return $"{(double)whole / adapter.ParameterCount:P0} of the trained values are modules saved whole; "
                + "--modules-to-save none trains LoRA alone.";
        }

        foreach (string note in OptionNotes.Of(values, config, data.Evaluation is not null)) yield return note;
        if (FewSteps(config, data, worldSize) is { } few) yield return few;
    }

    /// <summary>Says that a small data set makes a short run, and what makes it longer; null if it is long enough or its length was
    /// chosen.</summary>
    private static string? FewSteps(SftConfig config, TrainingData data, int worldSize)
    {
        if (config.MaxSteps > 0) return null;
        int steps = new BatchSchedule(data.Train.Count, config, worldSize).TotalSteps;
        if (steps >= Few) return null;
        string[] more =
        [
            $"a larger --num-train-epochs (now {config.NumTrainEpochs})",
            .. config.GradientAccumulationSteps > 1 ? [$"a smaller --gradient-accumulation-steps (now {config.GradientAccumulationSteps})"]
                : Array.Empty<string>(),
            .. data.Train.Count < data.Report.Examples ? ["--packing false"] : Array.Empty<string>(),
        ];
        string options = more.Length == 1 ? more[0] : $"{string.Join(", ", more[..^1])} or {more[^1]}";
        return $"the run has only {Amount.Of(steps, "optimizer step")}, which {(steps == 1 ? "teaches" : "teach")} little; more come with "
            + $"{options}.";
    }

    private static string Quantization(ModelSettings settings, SettingValues values, GemmaModel model)
    {
        if (model.Config.Quantization is not null) return "nf4, as stored";
        if (values.Get(settings.Quantization) == QuantizationKind.None)
            return $"not quantized, {model.Options.DType?.ToString() ?? model.Config.Dtype}";
        return $"nf4{(values.Get(settings.DoubleQuant) ? " with double quantization" : "")}";
    }
}
