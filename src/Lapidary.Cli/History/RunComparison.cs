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

    /// <summary>The keys, in the order of the runs' settings; empty for one run.</summary>
    public static IReadOnlyList<string> DifferingKeys(IReadOnlyList<FoundRun> runs) =>
    [
        .. runs.Where(run => run.Settings.Count > 0).SelectMany(run => run.Settings.Keys).Distinct().Where(key => !Others.Contains(key)
            && runs.Where(run => run.Settings.Count > 0).Select(run => run.Settings.GetValueOrDefault(key)).Distinct().Count() > 1),
    ];

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
