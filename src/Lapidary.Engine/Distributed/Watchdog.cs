namespace Lapidary.Engine.Distributed;

/// <summary>Decides from the states of the ranks whether they wait in vain.</summary>
internal static class Watchdog
{
    /// <summary>Names of ranks in a message.</summary>
    private const int MaxNames = 8;

    /// <summary>One line that names the ranks for which others wait in vain; null if none do.</summary>
    /// <param name="states">State of each rank.</param>
    /// <param name="nameOf">"rank 1 (node-b)".</param>
    /// <param name="limit">How long a rank may wait for one that is not busy.</param>
    /// <param name="gone">How long it may wait for one that is done.</param>
    /// <param name="now">Time of <see cref="Environment.TickCount64"/>.</param>
    public static string? Look(ReadOnlySpan<RankState> states, Func<int, string> nameOf, TimeSpan limit, TimeSpan gone, long now)
    {
        int first = -1, waiting = 0, busy = 0, left = 0, late = 0;
        long shortest = long.MaxValue, longest = -1;
        for (int rank = 0; rank < states.Length; rank++)
        {
            long age = Math.Max(0, now - states[rank].Since); // which may be later than this look began
            switch (states[rank].Kind)
            {
                case ActivityKind.Waiting:
                    waiting++;
                    shortest = Math.Min(shortest, age);
                    if (age > longest) (longest, first) = (age, rank);
                    break;
                case ActivityKind.Busy:
                    busy++;
                    break;
                case ActivityKind.Gone:
                    left++;
                    break;
                default:
                    if (age > limit.TotalMilliseconds) late++;
                    break;
            }
        }

        if (waiting == 0) return null;
        string whoWaits = $"{nameOf(first)} waits since {longest / 1000} s for {states[first].What}";
        if (longest > limit.TotalMilliseconds && late > 0)
            return $"{whoWaits}, to which {Names(states, ActivityKind.Computing, nameOf)} did not come within {limit.TotalSeconds:0.#} s.";
        if (left > 0 && busy == 0 && longest > Math.Min(gone.TotalMilliseconds, limit.TotalMilliseconds))
            return $"{whoWaits}, but {Names(states, ActivityKind.Gone, nameOf)} has ended.";
        return waiting == states.Length && shortest > limit.TotalMilliseconds
            ? $"{whoWaits}, and all others wait too: the exchange between them hangs. See whether they reach each other over the network."
            : null;
    }

    /// <summary>"ranks 1, 2".</summary>
    public static string Ranks(IEnumerable<int> ranks)
    {
        int[] all = [.. ranks];
        string more = all.Length > MaxNames ? $" and {all.Length - MaxNames} others" : "";
        return (all.Length == 1 ? "rank " : "ranks ") + string.Join(", ", all.Take(MaxNames)) + more;
    }

    private static string Names(ReadOnlySpan<RankState> states, ActivityKind kind, Func<int, string> nameOf)
    {
        var names = new List<string>();
        int count = 0;
        for (int rank = 0; rank < states.Length; rank++)
            if (states[rank].Kind == kind && ++count <= MaxNames) names.Add(nameOf(rank));
        return string.Join(", ", names) + (count > MaxNames ? $" and {count - MaxNames} others" : "");
    }
}
