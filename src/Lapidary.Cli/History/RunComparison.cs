using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.History;

/// <summary>Finds the settings in which runs differ.</summary>
internal static class RunComparison
{
    /// <summary>Settings that say nothing about the weights, or that have a separate column.</summary>
    private static readonly HashSet<string> Others = new(StringComparer.Ordinal)
    {
        "model", RunSettings.OutputDirKey, RunSettings.OverwriteKey, "dataset_cache", "device", "threads", "report_to", "logging_steps",
        "save_strategy", "save_steps", "save_total_limit", "eval_strategy", "eval_steps", "per_device_eval_batch_size", "push_to_hub",
        "hub_model_id", "hub_strategy", "hub_private_repo", "ddp_timeout",
    };

    private const string BatchSize = "per_device_train_batch_size", Accumulation = "gradient_accumulation_steps";

    private const string GlobalBatch = "global_batch_size";

    /// <summary>The runs with settings that can be compared. The rows of a step are global_batch_size in some runs (of several ranks, or
    /// resumed) and micro-batches in others: then all runs get the former.</summary>
    public static IReadOnlyList<FoundRun> Comparable(IReadOnlyList<FoundRun> runs)
    {
        return runs.Any(run => run.Settings.ContainsKey(GlobalBatch)) ? [.. runs.Select(WithGlobalBatch)] : runs;

        static FoundRun WithGlobalBatch(FoundRun run)
        {
            var settings = new Dictionary<string, string>(run.Settings);
            bool isWhole = settings.Remove(Accumulation, out string? accumulation) & settings.TryGetValue(BatchSize, out string? batch);
            if (isWhole && int.TryParse(accumulation, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
                && int.TryParse(batch, NumberStyles.None, CultureInfo.InvariantCulture, out int rows))
            {
                settings.TryAdd(GlobalBatch, ((long)count * rows).ToString(CultureInfo.InvariantCulture));
            }

            return run with { Settings = settings };
        }
    }

    /// <summary>The keys, in the order of the runs' settings; empty for one run.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="known">Settings whose default a run has that does not name them.</param>
    public static IReadOnlyList<string> DifferingKeys(IReadOnlyList<FoundRun> runs, params IReadOnlyList<Setting> known)
    {
        var told = runs.Where(run => run.Settings.Count > 0).ToList();
        var defaults = known.ToDictionary(setting => setting.Key, setting => setting.DefaultText);
        return [.. told.SelectMany(run => run.Settings.Keys).Distinct().Where(key => !Others.Contains(key)
            && told.Select(run => run.Settings.GetValueOrDefault(key) ?? defaults.GetValueOrDefault(key)).Distinct().Count() > 1)];
    }

    /// <summary>Sorts the runs.</summary>
    public static IReadOnlyList<FoundRun> Sorted(IReadOnlyList<FoundRun> runs, RunOrder order) => order switch
    {
        RunOrder.Name => [.. runs.OrderBy(run => run.Name, StringComparer.Ordinal)],
        RunOrder.Time => [.. runs.OrderByDescending(run => run.Started)],
        RunOrder.Loss => [.. runs.OrderBy(run => run.Loss ?? double.MaxValue).ThenByDescending(run => run.Started)],
        _ => [.. runs.OrderBy(run => run.EvalLoss ?? double.MaxValue).ThenByDescending(run => run.Started)],
    };
}

/// <summary>Sort orders of runs.</summary>
internal enum RunOrder
{
    /// <summary>The lowest evaluation loss first.</summary>
    Eval,

    /// <summary>The newest first.</summary>
    Time,

    /// <summary>The lowest training loss first.</summary>
    Loss,

    /// <summary>By name.</summary>
    Name,
}
