using Lapidary.Engine.Cpu.Threads;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cpu;

/// <summary>What the threads of a team allocate of managed memory.</summary>
internal static unsafe class TeamMemory
{
    /// <summary>The call, once warm, allocates nothing on any thread of the team.</summary>
    /// <param name="team">The team, whose caller is the calling thread.</param>
    /// <param name="call">The work.</param>
    /// <param name="times">Calls that are measured together.</param>
    public static void AllocatesNothing(WorkerTeam team, Action call, int times = 1)
    {
        call();
        Assert.Equal(0, ManagedMemory.Fewest(() => BytesOf(team), call, times));
    }

    /// <summary>Bytes that the threads of a team have allocated so far.</summary>
    public static long BytesOf(WorkerTeam team)
    {
        long bytes = 0;
        int missing = team.Count;
        var body = new Sum { Bytes = &bytes, Missing = &missing };
        team.For(team.Count, 1, ref body);
        return bytes;
    }

    /// <summary>As many chunks as threads: none ends before all have begun, so each thread takes one.</summary>
    private struct Sum : IRange
    {
        public long* Bytes;
        public int* Missing;

        public readonly void Run(int start, int end, int worker)
        {
            Interlocked.Add(ref *Bytes, GC.GetAllocatedBytesForCurrentThread());
            Interlocked.Decrement(ref *Missing);
            while (Volatile.Read(ref *Missing) > 0) Thread.Yield();
        }
    }
}
