using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Lapidary.Engine.Cpu.Threads;

/// <summary>A fixed team of threads that runs ranges without allocating. Work is cut into chunks that do not depend on the number of
/// threads, and threads take the next free chunk, so results have the same bits for any team.</summary>
/// <remarks>
/// <para>.NET's Parallel.For allocates a few hundred bytes a call, and a step makes thousands of calls. This is the only reason for the
/// team.</para>
/// <para>The caller waits for chunks, not for threads: on a busy machine it does the work of a thread that gets no core. A worker spins for
/// a while, since the next kernel usually follows at once, then sleeps.</para>
/// </remarks>
internal sealed unsafe class WorkerTeam : IDisposable
{
    private const int SpinsBeforeSleep = 2000;

    private readonly Thread[] _threads;
    private readonly Sleeper[] _sleepers;
    private readonly Lock _caller = new();
    private delegate*<void*, int, int, int, void> _invoke;
    private void* _body;
    private int _count;
    private int _grain;
    private int _chunks;
    private int _unfinished;
    private Exception? _failure;
    private volatile bool _stopping;

    /// <summary>Chunks not yet taken, below the number of the job. A thread that decrements this owns a chunk, and the job cannot end
    /// before that chunk. Only then may the thread read the job's other fields.</summary>
    private long _ticket;

    /// <summary>Starts the team.</summary>
    /// <param name="threads">Threads in all, the caller's included; at least 1.</param>
    public WorkerTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Count = threads;
        _threads = new Thread[threads - 1];
        _sleepers = new Sleeper[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _sleepers[i] = new Sleeper();
            _threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"lapidary-cpu-{worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>A number of threads, or that of the cores for 0.</summary>
    public static int CountOf(int threads) => threads > 0 ? threads : Environment.ProcessorCount;

    /// <summary>A team that runs nothing.</summary>
    /// <param name="threads">The number of threads it reports.</param>
    public static WorkerTeam Idle(int threads) => new(threads, isIdle: true);

    private WorkerTeam(int threads, bool isIdle) => (Count, IsIdle, _threads, _sleepers) = (threads, isIdle, [], []);

    /// <summary>Threads in all.</summary>
    public int Count { get; }

    /// <summary>Whether the team leaves all work undone.</summary>
    public bool IsIdle { get; }

    /// <summary>Rows per chunk such that a chunk has some ten thousand elements, enough to outweigh taking it.</summary>
    public static int RowGrain(int dim) => Math.Max(1, 16384 / dim);

    /// <summary>Runs <paramref name="body"/> over [0, count) in chunks of <paramref name="grain"/> items, and returns when all are
    /// done.</summary>
    /// <exception cref="Exception">What a body threw, after all chunks have ended.</exception>
    public void For<T>(int count, int grain, ref T body) where T : struct, IRange
    {
        if (count <= 0 || IsIdle) return;
        if (_threads.Length == 0 || count <= grain)
        {
            body.Run(0, count, worker: 0);
            return;
        }

        lock (_caller)
        {
            _invoke = &Invoke<T>;
            _body = Unsafe.AsPointer(ref body); // a struct on the caller's stack, which outlives this call
            (_count, _grain, _chunks, _failure) = (count, grain, (int)(((long)count + grain - 1) / grain), null);
            _unfinished = _chunks;
            long job = (_ticket >> 32) + 1;
            Interlocked.Exchange(ref _ticket, (job << 32) | (uint)_chunks);
            foreach (var sleeper in _sleepers) sleeper.Wake();

            TakeChunks(worker: 0);
            var spin = default(SpinWait);
            while (Volatile.Read(ref _unfinished) > 0) spin.SpinOnce(sleep1Threshold: -1);
            if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        foreach (var sleeper in _sleepers) sleeper.Stop();
        foreach (var thread in _threads) thread.Join();
        foreach (var sleeper in _sleepers) sleeper.Dispose();
    }

    private static void Invoke<T>(void* body, int start, int end, int worker) where T : struct, IRange =>
        Unsafe.AsRef<T>(body).Run(start, end, worker);

    private static bool HasChunks(long ticket) => (uint)ticket != 0;

    private void Work(int worker)
    {
        var sleeper = _sleepers[worker - 1];
        while (!_stopping)
        {
            TakeChunks(worker);
            WaitForChunks(sleeper);
        }
    }

    private void WaitForChunks(Sleeper sleeper)
    {
        for (int i = 0; i < SpinsBeforeSleep; i++)
        {
            if (HasChunks(Volatile.Read(ref _ticket)) || _stopping) return;
            Thread.SpinWait(20);
        }

        while (!HasChunks(Volatile.Read(ref _ticket)) && !_stopping) sleeper.SleepWithout(ref _ticket);
    }

    private void TakeChunks(int worker)
    {
        while (true)
        {
            long ticket = Volatile.Read(ref _ticket);
            if (!HasChunks(ticket)) return;
            if (Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket) != ticket) continue;
            RunChunk(_chunks - (int)(uint)ticket, worker);
        }
    }

    private void RunChunk(int chunk, int worker)
    {
        try
        {
            long start = (long)chunk * _grain;
            _invoke(_body, (int)start, (int)Math.Min(start + _grain, _count), worker);
        }
        catch (Exception failure)
        {
            // The caller must not return before the workers: the body is on its stack. It throws when all are done.
            Interlocked.CompareExchange(ref _failure, failure, null);
        }

        Interlocked.Decrement(ref _unfinished);
    }

    /// <summary>The semaphore of one worker. With a shared semaphore, a worker that finishes early could take the wake-up call of one that
    /// still sleeps.</summary>
    private sealed class Sleeper : IDisposable
    {
        private readonly SemaphoreSlim _call = new(0);
        private int _asleep;

        /// <summary>Sleeps unless chunks are available. Either a caller that adds chunks sees this sleeper, or the chunks are seen
        /// here.</summary>
        public void SleepWithout(ref long ticket)
        {
            Interlocked.Exchange(ref _asleep, 1);
            if (!HasChunks(Volatile.Read(ref ticket))) _call.Wait();
            Interlocked.Exchange(ref _asleep, 0);
        }

        public void Wake()
        {
            if (Volatile.Read(ref _asleep) == 1) _call.Release();
        }

        public void Stop() => _call.Release();

        public void Dispose() => _call.Dispose();
    }
}
