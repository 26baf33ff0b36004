using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Engine;

namespace Lapidary.Cli.Ranks;

/// <summary>Options of commands whose work several ranks may share.</summary>
internal static class RankSettings
{
    /// <summary>Longest wait for the ranks of a run to find each other.</summary>
    public static readonly TimeSpan MaxStart = TimeSpan.FromMinutes(5);

    public static readonly Setting<int> DdpTimeout = Setting.Integer(
        "ddp-timeout", "Seconds that a rank may wait for another that does not come, of several GPUs or processes.", 600, 1, 7 * 24 * 3600);

    /// <summary>Threads of a rank on the CPU: the machine's, shared with the other ranks of the machine.</summary>
    public static int ThreadsOf(LaunchPlace place, SettingValues values) =>
        values.Get(DeviceSettings.Threads) is > 0 and var given ? given
        : place.LocalProcesses is { } ranks and > 1 ? Math.Max(1, Environment.ProcessorCount / ranks)
        : 0;
}
