using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Lapidary.TextToSql.Scoring;

/// <summary>Does many pieces of work on threads of its own, and gives up a thread that shows no sign of life: SQLite can be stopped
/// between its steps only.</summary>
/// <param name="silence">How long a thread may show no sign of life.</param>
/// <param name="cancellationToken">Ends the work; what a thread is at is given up where it does not end soon.</param>
internal sealed class WatchedWork(TimeSpan silence, CancellationToken cancellationToken = default)
{
    /// <summary>How long a thread may go on after the work was cancelled.</summary>
    private static readonly TimeSpan Notice = TimeSpan.FromSeconds(1);

    /// <summary>How often the threads are looked at.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>SQLite follows nested queries by recursion.</summary>
    private const int StackBytes = 16 << 20;

    private readonly object _lock = new();
    private readonly List<Worker> _workers = [];
    private ExceptionDispatchInfo? _error;
    private int _next;
    private int _done;

    /// <summary>Does the work.</summary>
    /// <param name="count">Number of pieces.</param>
    /// <param name="threads">How many are done at the same time.</param>
    /// <param name="work">A piece, by number; it calls the action as a sign of life. What it returns is called in turn, unless the
    /// thread was given up.</param>
    /// <param name="giveUp">Called in turn for a piece whose thread was given up.</param>
    /// <param name="progress">Called in turn with the number of pieces done.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Run(int count, int threads, Func<int, Action, Action> work, Action<int> giveUp, Action<int>? progress)
    {
        for (int thread = 0; thread < Math.Min(count, threads); thread++) Start(count, work, progress);
        lock (_lock)
        {
            long cancelled = 0;
            while (_done < count && !(_error is not null && _workers.TrueForAll(worker => worker.HasEnded)))
            {
                Monitor.Wait(_lock, Look);
                if (cancellationToken.IsCancellationRequested)
                {
                    if (cancelled == 0) cancelled = Stopwatch.GetTimestamp();
                    if (Stopwatch.GetElapsedTime(cancelled) > Notice || _workers.TrueForAll(worker => worker.HasEnded)) GiveAllUp();
                    continue;
                }

                foreach (var worker in _workers.Where(worker => !worker.HasEnded && worker.Silence > silence).ToList())
                {
                    worker.HasEnded = worker.IsGivenUp = true;
                    giveUp(worker.Piece);
                    _done++;
                    progress?.Invoke(_done);
                    Start(count, work, progress);
                }
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        _error?.Throw();
    }

    private void GiveAllUp()
    {
        _error ??= ExceptionDispatchInfo.Capture(new OperationCanceledException(cancellationToken));
        foreach (var worker in _workers.Where(worker => !worker.HasEnded)) worker.HasEnded = worker.IsGivenUp = true;
    }

    private void Start(int count, Func<int, Action, Action> work, Action<int>? progress)
    {
        var worker = new Worker();
        lock (_lock) _workers.Add(worker);
        new Thread(() => Loop(worker, count, work, progress), StackBytes) { IsBackground = true, Name = "SQL" }.Start();
    }

    private void Loop(Worker worker, int count, Func<int, Action, Action> work, Action<int>? progress)
    {
        try
        {
            while (true)
            {
                lock (_lock)
                {
                    if (worker.IsGivenUp || _next >= count || _error is not null || cancellationToken.IsCancellationRequested) return;
                    worker.Piece = _next++;
                    worker.Beat();
                }

                var publish = work(worker.Piece, worker.Beat);
                lock (_lock)
                {
                    if (worker.IsGivenUp) return;
                    publish();
                    _done++;
                    progress?.Invoke(_done);
                }
            }
        }
        catch (Exception error)
        {
            lock (_lock)
            {
                if (!worker.IsGivenUp) _error ??= ExceptionDispatchInfo.Capture(error);
            }
        }
        finally
        {
            lock (_lock)
            {
                worker.HasEnded = true;
                Monitor.PulseAll(_lock);
            }
        }
    }

    private sealed class Worker
    {
        private long _beat = Stopwatch.GetTimestamp();

        public int Piece { get; set; }

        public bool HasEnded { get; set; }

        public bool IsGivenUp { get; set; }

        public TimeSpan Silence => Stopwatch.GetElapsedTime(Volatile.Read(ref _beat));

        public void Beat() => Volatile.Write(ref _beat, Stopwatch.GetTimestamp());
    }
}
