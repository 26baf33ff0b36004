using Lapidary.Engine.Cpu.Threads;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cpu;

public unsafe class WorkerTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void For_VisitsEveryItemOnce_ManyTimesOver(int threads)
    {
        using var team = new WorkerTeam(threads);
        int[] visits = new int[1000];
        fixed (int* pointer = visits)
        {
            var body = new Increment { Visits = pointer };
            for (int round = 0; round < 5000; round++) team.For(1 + round * 2 % 1000, grain: 1 + round % 7, ref body);
        }

        int[] expected = new int[1000];
        for (int round = 0; round < 5000; round++)
        {
            for (int i = 0; i < 1 + round * 2 % 1000; i++) expected[i]++;
        }

        Assert.Equal(expected, visits);
    }

    [Fact]
    public void For_AllocatesNothing()
    {
        using var team = new WorkerTeam(3);
        int[] visits = new int[64];
        fixed (int* pointer = visits)
        {
            var body = new Increment { Visits = pointer };
            TeamMemory.AllocatesNothing(
                team,
                () =>
                {
                    var onTheStack = body;
                    team.For(64, 1, ref onTheStack);
                },
                times: 100);
        }
    }

    /// <summary>That the check above can fail.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void TeamMemory_SeesWhatEachThreadAllocates(int worker)
    {
        using var team = new WorkerTeam(3);
        int missing = team.Count;
        var body = new Allocating { Worker = worker, Missing = &missing };
        long before = TeamMemory.BytesOf(team);
        team.For(team.Count, 1, ref body);
        Assert.InRange(TeamMemory.BytesOf(team) - before, Allocating.Bytes, long.MaxValue);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void For_ThrowsWhatABodyThrew_AndWorksOn(int threads)
    {
        using var team = new WorkerTeam(threads);
        var failing = new Failing();
        for (int round = 0; round < 20; round++) Assert.Throws<LapidaryException>(() => team.For(64, 1, ref failing));

        int[] visits = new int[64];
        fixed (int* pointer = visits)
        {
            var body = new Increment { Visits = pointer };
            team.For(64, 1, ref body);
        }

        Assert.All(visits, count => Assert.Equal(1, count));
    }

    private struct Failing : IRange
    {
        public readonly void Run(int start, int end, int worker) => throw new LapidaryException("no");
    }

    /// <summary>One thread allocates. As many chunks as threads, of which none ends before all have begun.</summary>
    private struct Allocating : IRange
    {
        public const int Bytes = 1000;

        public int Worker;
        public int* Missing;

        public readonly void Run(int start, int end, int worker)
        {
            if (worker == Worker) GC.KeepAlive(new byte[Bytes]);
            Interlocked.Decrement(ref *Missing);
            while (Volatile.Read(ref *Missing) > 0) Thread.Yield();
        }
    }

    private struct Increment : IRange
    {
        public int* Visits;

        public readonly void Run(int start, int end, int worker)
        {
            for (int i = start; i < end; i++) Interlocked.Increment(ref Visits[i]);
        }
    }
}
