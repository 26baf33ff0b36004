using System.Text;
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

    /// <summary>Threads of a rank on the CPU: those that the launcher gives it, shared with the ranks that got the same.</summary>
    /// <param name="ranks">All of which call this.</param> <param name="run">The command, whose --threads goes before.</param>
    public static int ThreadsOf(RankGroup ranks, CommandRun run)
    {
        int cores = Environment.ProcessorCount;
        string mine = $"{ranks.HostOf(ranks.Rank)} {AllowedCores()}";
        int sharing = ranks.Gather(Encoding.UTF8.GetBytes(mine)).Count(other => Encoding.UTF8.GetString(other) == mine);
        return run.Values.Get(DeviceSettings.Threads) is > 0 and var given ? given : Math.Max(1, cores / sharing);
    }

    /// <summary>The cores that this process may run on, as the system says it; launchers bind their processes to some.</summary>
    private static string AllowedCores()
    {
        const string Status = "/proc/self/status", Allowed = "Cpus_allowed_list:";
        return File.Exists(Status)
            ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Allowed, StringComparison.Ordinal)) ?? ""
            : "";
    }
}
