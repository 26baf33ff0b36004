using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>The record of a command in run.yaml: what happened, which may differ from what was typed. Paths are absolute here; the file
/// stores nearby ones relative to its folder. An adapter's settings replace those for a new adapter; where all weights are trained, there
/// are none.</summary>
internal static class RunRecord
{
    private static readonly Setting EvalStrategy = SftSettings.Of(nameof(SftConfig.EvalStrategy));
    private static readonly Setting Accumulation = SftSettings.Of(nameof(SftConfig.GradientAccumulationSteps));
    private static readonly Setting BatchSize = SftSettings.Of(nameof(SftConfig.PerDeviceTrainBatchSize));
    private static readonly Setting GlobalBatch = SftSettings.Of(nameof(SftConfig.GlobalBatchSize));

    /// <summary>Keys and values in the order of the help text.</summary>
    /// <param name="values">The command's settings.</param>
    /// <param name="config">Options of the run on this number of ranks.</param>
    /// <param name="worldSize">Number of ranks. With several, the file gives the rows of a step instead of the micro-batches, so that it is
    /// correct for any number of ranks.</param>
    /// <param name="model">Settings of the model.</param>
    /// <param name="lora">The adapter to train; null if all weights are trained.</param>
    /// <param name="hasEvaluation">Whether there is an evaluation set.</param>
    /// <param name="data">Names of data sets in the form for the file.</param>
    public static IEnumerable<KeyValuePair<string, string>> Of(
        SettingValues values, SftConfig config, int worldSize, ModelSettings model, LoraConfig? lora, bool hasEvaluation,
        IReadOnlyDictionary<Setting, IReadOnlyList<string>> data)
    {
        bool isGlobal = worldSize > 1 || config.GlobalBatchSize is not null;
        var adapter = lora is null ? new Dictionary<Setting, object?>() : LoraSettings.Of(lora);
        foreach (var setting in values.All)
        {
            if (lora is null && MethodSettings.IsOfLora(setting, model)) continue;
            object? value = adapter.TryGetValue(setting, out object? saved) ? saved
                : setting == EvalStrategy && !hasEvaluation ? IntervalStrategy.No
                : setting == Accumulation ? isGlobal ? null : config.GradientAccumulationSteps
                : setting == BatchSize && !isGlobal ? config.PerDeviceTrainBatchSize
                : setting == GlobalBatch && isGlobal ? EffectiveBatch.Of(config, worldSize).Rows
                : values.Get(setting);
            if (data.TryGetValue(setting, out var names))
            {
                foreach (string name in names) yield return new(setting.Key, DataSettings.IsPipe(name) ? DataSettings.StandardInput : name);
                continue;
            }

            foreach (string text in setting.FormatValues(value))
                yield return new(setting.Key, IsName(setting, text) ? text : Absolute(text));
        }
    }

    /// <summary>A built-in template takes precedence over a file or folder with its name.</summary>
    private static bool IsName(Setting setting, string text) =>
        !setting.IsPath || (setting == DataSettings.Template && RowTemplate.BuiltIn.ContainsKey(text));

    /// <summary>A model's id and a template's name are not paths, and stay unchanged.</summary>
    private static string Absolute(string text)
    {
        bool isPattern = text.AsSpan().ContainsAny('*', '?');
        return isPattern || Path.Exists(text) ? Path.GetFullPath(text) : text;
    }
}
