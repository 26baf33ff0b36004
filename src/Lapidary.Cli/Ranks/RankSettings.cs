using Lapidary.Cli.Settings;

namespace Lapidary.Cli.Ranks;

/// <summary>Options of commands whose work several ranks may share.</summary>
internal static class RankSettings
{
    /// <summary>Longest wait for the ranks of a run to find each other.</summary>
    public static readonly TimeSpan MaxStart = TimeSpan.FromMinutes(5);

    public static readonly Setting<int> DdpTimeout = Setting.Integer(
        "ddp-timeout", "Seconds that a rank may wait for another that does not come, of several GPUs or processes.", 600, 1, 7 * 24 * 3600);
}
