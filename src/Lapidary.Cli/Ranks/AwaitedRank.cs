using System.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Ranks;

/// <summary>A process that a launcher has started with others, for whom it has not come yet. They wait for it, with some launchers for
/// ever: where it ends before, as its options or files are wrong, it joins them to tell them why.</summary>
internal sealed class AwaitedRank
{
    /// <summary>How long people wait for an error that another rank may say.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    /// <summary>How long this rank tries to reach the others, who may have ended as well.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly LaunchPlace _place;

    private AwaitedRank(LaunchPlace place) => _place = place;

    /// <summary>Looks whether others wait for this process, which then speaks as one of them.</summary>
    /// <param name="command">The command that was typed.</param>
    /// <param name="terminal">Where this process speaks.</param>
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

        // How many ranks a process has for its machine is known when its options are.
        if (place.Processes > 1 && !place.IsPerNode) terminal.Awaited = new AwaitedRank(place).Tell;
    }

    /// <summary>Tells people and the other ranks why this one ends.</summary>
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

                // Before the group ends: the others wait for that, as a launcher ends this process too as soon as one of them has ended.
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
