using Lapidary.Cli.CommandLine;

namespace Lapidary.Cli.Scaling;

/// <summary>Options of plan for several ranks.</summary>
internal static class ScalingSettings
{
    private const int MaxRanks = 1 << 16;

    public static readonly Setting<int> WorldSize =
        Setting.Integer("world-size", "Ranks to plan for: devices, each with a whole model.", 1, 1, MaxRanks);

    static ScalingSettings() => WorldSize.Option.Aliases.Add("--world");

    public static readonly Setting<int> GpusPerNode = Setting.Integer("gpus-per-node", "Ranks on a machine.", 8, 1, MaxRanks);

    public static readonly Setting<Link?> Link = new(
        "link", Scaling.Link.ValueName,
        "Slowest link between the ranks, by its bus bandwidth; nvlink on one machine and 400G between several where not given.", null,
        Scaling.Link.Parse);

    public static readonly Setting<double?> StepMilliseconds = Setting.OptionalNumber(
        "step-ms", "Milliseconds of one rank's optimizer step by itself, as bench measures it; an estimate for an H100 where not given.",
        0.001, 1e9);

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All { get; } = [WorldSize, GpusPerNode, Link, StepMilliseconds];

    /// <summary>Whether the plan is for several ranks.</summary>
    /// <exception cref="UsageException">The plan is for one rank, but a link is given.</exception>
    public static bool IsAskedFor(CommandRun run)
    {
        if (run.Values.Get(WorldSize) > 1) return true;
        foreach (var setting in All.Skip(1))
        {
            if (run.Values.IsGiven(setting))
                throw run.Wrong($"--{setting.Name} is about several ranks: expected --{WorldSize.Name} 2 or more beside it.");
        }

        return false;
    }
}
