using Lapidary.Cli.CommandLine;

namespace Lapidary.Cli.Ranks;

/// <summary>Options of commands whose work several ranks may share.</summary>
internal static class RankSettings
{
    /// <summary>Longest wait for the ranks of a run to find each other.</summary>
    public static readonly TimeSpan MaxStart = TimeSpan.FromMinutes(5);

    public static readonly Setting<int> DdpTimeout = Setting.Integer(
        "ddp-timeout", "Seconds that the ranks of a run, several GPUs or processes, wait for one that does not come.",
        600, 1, 7 * 24 * 3600);
}
