namespace Lapidary.Tests;

/// <summary>What code allocates of managed memory.</summary>
internal static class ManagedMemory
{
    /// <summary>More times are not measured.</summary>
    public const int MostTimes = 10;

    /// <summary>Fewest bytes that the calling thread allocates in a call, of several calls; 0 as soon as one allocates nothing.</summary>
    /// <remarks>The thread's own count is not always of its own work. All threads share the runtime's cache of casts: whichever thread
    /// adds to it when it is full allocates a larger one, of some 6 KB at first. That happens a few times in a process. What the call
    /// allocates, it allocates every time.</remarks>
    /// <param name="call">The work, which is called once before.</param>
    /// <param name="times">Calls that are measured together, for what is not allocated in every one.</param>
    public static long FewestBytes(Action call, int times = 1)
    {
        call();
        return Fewest(GC.GetAllocatedBytesForCurrentThread, call, times);
    }

    /// <summary>The same for any count.</summary>
    /// <param name="count">Bytes allocated so far.</param>
    /// <param name="call">The work.</param>
    /// <param name="times">As above.</param>
    public static long Fewest(Func<long> count, Action call, int times = 1)
    {
        long fewest = long.MaxValue;
        for (int measured = 0; measured < MostTimes && fewest > 0; measured++)
        {
            long before = count();
            for (int i = 0; i < times; i++) call();
            fewest = Math.Min(fewest, count() - before);
        }

        return fewest;
    }
}
