using System.Runtime.ExceptionServices;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>A thread for each rank of this process.</summary>
internal static class RankThreads
{
    /// <summary>How long the others may go on after one has failed; enough to end by themselves if they can.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Runs the work of all ranks to the end. If one fails, the others are informed, here and in other processes.</summary>
    /// <param name="ranks">The ranks of this process.</param>
    /// <param name="work">The work of a rank.</param>
    /// <param name="lineOf">The error in one line, for the other ranks.</param>
    /// <param name="stuck">Ends the process after a rank has failed and others have not ended.</param>
    /// <returns>The result of the first rank's work.</returns>
    public static T Run<T>(
        IReadOnlyList<LocalRank> ranks, Func<LocalRank, T> work, Func<Exception, string> lineOf, Action<LocalRank, Exception> stuck)
    {
        var team = new Team<T>(ranks, work, lineOf);
        if (ranks.Count == 1) team.RunOne(0);
        else team.RunAll(stuck);
        return team.Results[0];
    }

    private sealed class Team<T>(IReadOnlyList<LocalRank> ranks, Func<LocalRank, T> work, Func<Exception, string> lineOf)
    {
        private readonly object _guard = new();
        private int _running = ranks.Count;
        private bool _hasFailed;
        private (LocalRank Rank, Exception Error)? _first;

        public T[] Results { get; } = new T[ranks.Count];

        public void RunAll(Action<LocalRank, Exception> stuck)
        {
            for (int i = 0; i < ranks.Count; i++)
            {
                int index = i;
                new Thread(() => RunThread(index)) { Name = ranks[i].Device, IsBackground = true }.Start();
            }

            bool haveEnded = Wait();
            if (_first is not var (rank, error)) return;
            if (!haveEnded) stuck(rank, error);
            ExceptionDispatchInfo.Throw(error);
        }

        public void RunOne(int index)
        {
            try
            {
                Results[index] = work(ranks[index]);
            }
            catch (Exception e)
            {
                // Before the others hear of it and fail too: the caller gets the first error, not one that came of it.
                lock (_guard) _first ??= (ranks[index], e);
                if (ranks[index].Group.WorldSize > 1) ranks[index].Group.Fail(lineOf(e));
                throw;
            }
        }

        private void RunThread(int index)
        {
            bool isDone = false;
            try
            {
                RunOne(index);
                isDone = true;
            }
            catch (Exception)
            {
                // It is kept, and thrown by the thread that waits.
            }

            lock (_guard)
            {
                _running--;
                _hasFailed |= !isDone;
                Monitor.PulseAll(_guard);
            }
        }

        /// <summary>Waits for all ranks, but not much longer after one has failed.</summary>
        /// <returns>Whether all have ended.</returns>
        private bool Wait()
        {
            lock (_guard)
            {
                while (_running > 0 && !_hasFailed) Monitor.Wait(_guard);
                long end = Environment.TickCount64 + (long)Grace.TotalMilliseconds;
                while (_running > 0 && end - Environment.TickCount64 is > 0 and var left) Monitor.Wait(_guard, (int)left);
                return _running == 0;
            }
        }
    }
}
