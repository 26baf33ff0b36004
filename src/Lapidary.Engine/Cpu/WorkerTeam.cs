using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Lapidary.Engine.Cpu;

/// <summary>A fixed team of threads that runs ranges without allocating. Work is cut into chunks that do not depend on the number of threads,
/// and threads take the next free chunk, so results have the same bits for any team.</summary>
/// <remarks>.NET's Parallel.For allocates some hundred bytes a call and a step makes thousands of calls; this team exists for that alone.
/// A worker spins for a few microseconds, since the next kernel usually follows at once, then sleeps.</remarks>
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
    private int _next;
    private int _generation;
    private int _pending;
    private Exception? _failure;
    private volatile bool _stopping;

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

    /// <summary>Threads in all.</summary>
    public int Count { get; }

    /// <summary>Runs <paramref name="body"/> over [0, count) in chunks of <paramref name="grain"/> items, and returns when all are done.</summary>
    public void For<T>(int count, int grain, ref T body) where T : struct, IRange
    {
        if (count <= 0) return;
        if (_threads.Length == 0 || count <= grain)
        {
            body.Run(0, count, worker: 0);
            return;
        }

        lock (_caller)
        {
            _invoke = &Invoke<T>;
            _body = Unsafe.AsPointer(ref body); // a struct on the caller's stack, which outlives this call
            (_count, _grain, _next, _failure) = (count, grain, 0, null);
            Volatile.Write(ref _pending, _threads.Length);
            Interlocked.Increment(ref _generation);
            foreach (var sleeper in _sleepers) sleeper.Wake();
            TakeChunks(worker: 0);
            var spin = default(SpinWait);
            while (Volatile.Read(ref _pending) > 0) spin.SpinOnce(sleep1Threshold: -1);
            if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        Interlocked.Increment(ref _generation);
        foreach (var sleeper in _sleepers) sleeper.Wake();
        foreach (var thread in _threads) thread.Join();
        foreach (var sleeper in _sleepers) sleeper.Dispose();
    }

    private static void Invoke<T>(void* body, int start, int end, int worker) where T : struct, IRange =>
        Unsafe.AsRef<T>(body).Run(start, end, worker);

    private void Work(int worker)
    {
        int seen = 0;
        while (true)
        {
            WaitForGeneration(seen, _sleepers[worker - 1]);
            if (_stopping) return;
            seen = Volatile.Read(ref _generation);
            TakeChunks(worker);
            Interlocked.Decrement(ref _pending);
        }
    }

    private void WaitForGeneration(int seen, Sleeper sleeper)
    {
        for (int i = 0; i < SpinsBeforeSleep; i++)
        {
            if (Volatile.Read(ref _generation) != seen) return;
            Thread.SpinWait(20);
        }

        while (Volatile.Read(ref _generation) == seen) sleeper.SleepWhile(ref _generation, seen);
    }

    private void TakeChunks(int worker)
    {
        try
        {
            while (true)
            {
                int start = Interlocked.Add(ref _next, _grain) - _grain;
                if (start >= _count || start < 0) return;
                _invoke(_body, start, Math.Min(start + _grain, _count), worker);
            }
        }
        catch (Exception failure)
        {
            // The caller must not leave before the workers have: the body lies on its stack. It throws when all are done.
            Interlocked.CompareExchange(ref _failure, failure, null);
        }
    }

    /// <summary>One worker's bed. Each worker has its own: on a shared semaphore a worker that is done early can take the wake-up call of one
    /// that still sleeps.</summary>
    private sealed class Sleeper : IDisposable
    {
        private readonly SemaphoreSlim _call = new(0);
        private int _asleep;

        /// <summary>Sleeps unless the generation has moved on: a caller that starts one either sees this sleeper or is seen here.</summary>
        public void SleepWhile(ref int generation, int seen)
        {
            Interlocked.Exchange(ref _asleep, 1);
            if (Volatile.Read(ref generation) == seen) _call.Wait();
            Interlocked.Exchange(ref _asleep, 0);
        }

        public void Wake()
        {
            if (Volatile.Read(ref _asleep) == 1) _call.Release();
        }

        public void Dispose() => _call.Dispose();
    }
}
