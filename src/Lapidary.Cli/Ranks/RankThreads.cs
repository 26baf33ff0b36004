using System.Runtime.ExceptionServices;

namespace Lapidary.Cli.Ranks;

/// <summary>A thread for each rank of this process.</summary>
internal static class RankThreads
{
    /// <summary>How long the others may go on after one has failed: enough to end by themselves where they can.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Runs the ranks' work to the end.</summary>
    /// <param name="ranks">Of this process.</param> <param name="work">What each does.</param>
    /// <param name="fail">Ends the process: a rank has failed, and others have not ended since.</param>
    /// <returns>What the first rank's work returned.</returns>
    public static T Run<T>(IReadOnlyList<LocalRank> ranks, Func<LocalRank, T> work, Action<LocalRank, Exception> fail)
    {
        var results = new T[ranks.Count];
        (LocalRank Rank, Exception Error)? failure = null;
        var guard = new Lock();
        using var left = new CountdownEvent(ranks.Count);
        using var failed = new ManualResetEventSlim();
        for (int i = 0; i < ranks.Count; i++)
        {
            int index = i;
            new Thread(() =>
            {
                try
                {
                    results[index] = work(ranks[index]);
                }
                catch (Exception e)
                {
                    lock (guard) failure ??= (ranks[index], e);
                    failed.Set();
                }

                left.Signal();
            })
            { Name = ranks[i].Device, IsBackground = true }.Start();
        }

        WaitHandle.WaitAny([left.WaitHandle, failed.WaitHandle]);
        bool haveEnded = left.Wait(failed.IsSet ? Grace : Timeout.InfiniteTimeSpan);
        if (failure is not { } first) return results[0];
        if (!haveEnded) fail(first.Rank, first.Error);
        ExceptionDispatchInfo.Throw(first.Error);
        return results[0];
    }
}
