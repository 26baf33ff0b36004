using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>What run.yaml records of a command: what happened, which is not always what was typed. Paths are absolute here; the
/// file names those near it from its folder on. An adapter's own settings stand in place of those that are for a new one.</summary>
internal static class RunRecord
{
    private static readonly Setting EvalStrategy = SftSettings.Of(nameof(SftConfig.EvalStrategy));
    private static readonly Setting Accumulation = SftSettings.Of(nameof(SftConfig.GradientAccumulationSteps));
    private static readonly Setting GlobalBatch = SftSettings.Of(nameof(SftConfig.GlobalBatchSize));

    /// <summary>Keys and values in the order of the help text.</summary>
    /// <param name="values">The command's settings.</param>
    /// <param name="config">Those of the run, on so many ranks.</param>
    /// <param name="worldSize">Number of ranks. Where there are several, the file says how many rows a step has and not how many
    /// micro-batches, so that it is right on any number of them.</param>
    /// <param name="lora">What is trained.</param>
    /// <param name="hasEvaluation">Whether there is an evaluation set.</param>
    /// <param name="data">Names of data sets as they are to be written.</param>
    public static IEnumerable<KeyValuePair<string, string>> Of(
        SettingValues values, SftConfig config, int worldSize, LoraConfig lora, bool hasEvaluation,
        IReadOnlyDictionary<Setting, IReadOnlyList<string>> data)
    {
        bool isGlobal = worldSize > 1 || config.GlobalBatchSize is not null;
        var adapter = LoraSettings.Of(lora);
        foreach (var setting in values.All)
        {
            object? value = adapter.TryGetValue(setting, out object? saved) ? saved
                : setting == EvalStrategy && !hasEvaluation ? IntervalStrategy.No
                : setting == Accumulation && isGlobal ? null
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

    /// <summary>A built-in template goes before a file or folder that has its name.</summary>
    private static bool IsName(Setting setting, string text) =>
        !setting.IsPath || (setting == DataSettings.Template && RowTemplate.BuiltIn.ContainsKey(text));

    /// <summary>The id of a model and the name of a template are no paths, and stay.</summary>
    private static string Absolute(string text)
    {
        bool isPattern = text.AsSpan().ContainsAny('*', '?');
        return isPattern || Path.Exists(text) ? Path.GetFullPath(text) : text;
    }
}
