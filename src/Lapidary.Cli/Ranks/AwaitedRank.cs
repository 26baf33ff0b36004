using System.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Ranks;

/// <summary>A process that a launcher started together with others, and that has not joined them yet. They wait for it, with some launchers
/// for ever. If it ends before it joins, because its options or files are invalid, it joins them to report the reason.</summary>
internal sealed class AwaitedRank
{
    /// <summary>How long to wait for an error that another rank may report.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    /// <summary>How long this rank tries to reach the others, which may have ended too.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly LaunchPlace _place;

    private AwaitedRank(LaunchPlace place) => _place = place;

    /// <summary>Checks whether others wait for this process, which then acts as one of them.</summary>
    /// <param name="command">The command line's command.</param>
    /// <param name="terminal">The output of this process.</param>
    public static void Introduce(Command command, Terminal terminal)
    {
        LaunchPlace place;
        try
        {
            if (!command.Options.Contains(RankSettings.DdpTimeout.Option)) return;
            place = LaunchPlace.Find();
        }
        catch (LapidaryException)
        {
            return; // which is said when the ranks are to meet
        }

        if (place.Launcher is null) return;
        string name = place.IsPerNode ? "process" : "rank";
        terminal.SpeakAs($"{name} {place.Process} ({Environment.MachineName})", isLeader: place.Process == 0);

        // The number of ranks per machine is known only after the options are parsed.
        if (place.Processes > 1 && !place.IsPerNode) terminal.Awaited = new AwaitedRank(place).Tell;
    }

    /// <summary>Reports to the user and the other ranks why this one ends.</summary>
    private void Tell(string line, int exitCode, Action say)
    {
        int said = 0;
        void SayOnce()
        {
            if (Interlocked.Exchange(ref said, 1) == 0) say();
        }

        var thread = new Thread(() =>
        {
            try
            {
                var options = new RankGroupOptions { Place = _place, StartLimit = Limit, Lost = _ => { } };
                using var group = RankGroups.Join(options);

                // Before the group ends: the others wait for this, because a launcher ends this process as soon as one of them has ended.
                if (group.Fail(line)) SayOnce();
            }
            catch (LapidaryException)
            {
                SayOnce(); // They have ended too, or cannot be reached.
            }
        })
        { IsBackground = true };
        thread.Start();
        if (thread.Join(Silence)) return;
        SayOnce();
        if (!thread.Join(Limit)) RankGroups.Leave(exitCode);
    }
}
