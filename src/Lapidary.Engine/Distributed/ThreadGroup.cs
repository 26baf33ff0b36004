using Lapidary.Formats;

namespace Lapidary.Engine.Distributed;

/// <summary>Ranks that are threads of this process: one for each GPU of the machine, or one for each part of a test.</summary>
internal sealed class ThreadGroup : RankGroup
{
    private readonly Shared _shared;
    private readonly int _rank;

    private ThreadGroup(Shared shared, int rank) => (_shared, _rank) = (shared, rank);

    /// <inheritdoc/>
    public override int Rank => _rank;

    /// <inheritdoc/>
    public override int WorldSize => _shared.Given.Length;

    /// <inheritdoc/>
    public override CancellationToken StopRequested => _shared.Stop.Token;

    /// <summary>The groups of some ranks, one for each thread.</summary>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="waitLimit">How long a rank may wait for another that is not busy; null for no limit.</param>
    /// <param name="lost">Called once, on another thread, when a wait exceeds the limit, with a line that names the missing ranks.</param>
    public static IReadOnlyList<ThreadGroup> Create(int worldSize, TimeSpan? waitLimit = null, Action<string>? lost = null)
    {
        var shared = new Shared(worldSize);
        if (waitLimit is { } limit) shared.Watch(limit, lost);
        return [.. Enumerable.Range(0, worldSize).Select(rank => new ThreadGroup(shared, rank))];
    }

    /// <inheritdoc/>
    public override string NameOf(int rank) => $"rank {rank}";

    /// <inheritdoc/>
    public override string HostOf(int rank) => Environment.MachineName;

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine)
    {
        _shared.Given[_rank] = mine.ToArray();
        Meet();
        byte[][] all = [.. _shared.Given];
        Meet(); // nobody gives the next before all have taken these
        return all;
    }

    /// <summary>Waits until all ranks are here.</summary>
    /// <exception cref="LapidaryException">Another rank has failed, or has ended without them.</exception>
    public void Meet()
    {
        try
        {
            using var waiting = Waiting("the other ranks");
            _shared.Barrier.SignalAndWait(_shared.Broken.Token);
        }
        catch (OperationCanceledException)
        {
            throw new LapidaryException(_shared.Why!); // a new one: several threads throw it
        }
    }

    /// <inheritdoc/>
    public override void RequestStop() => _shared.Stop.Cancel();

    /// <inheritdoc/>
    public override IDisposable Busy(string what) => _shared.Activities[_rank].Enter(ActivityKind.Busy, what);

    /// <inheritdoc/>
    public override IDisposable Waiting(string what) => _shared.Activities[_rank].Enter(ActivityKind.Waiting, what);

    /// <inheritdoc/>
    /// <remarks>Ranks that wait here, now or later, end with a <see cref="LapidaryException"/>. Ranks in an exchange between GPUs do not
    /// wake: their process must end.</remarks>
    public override bool Fail(string message)
    {
        _shared.Break($"{NameOf(_rank)}: {message}");
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Ranks that wait for this one, now or later, would otherwise do so forever. The shared state holds no resources.</remarks>
    public override void Dispose() => _shared.Break($"{NameOf(_rank)} has ended, but others still need it.");

    private sealed class Shared(int worldSize) : IDisposable
    {
        private Timer? _watch;

        public byte[][] Given { get; } = new byte[worldSize][];

        public Activity[] Activities { get; } = [.. Enumerable.Range(0, worldSize).Select(_ => new Activity())];

        public Barrier Barrier { get; } = new(worldSize);

        public CancellationTokenSource Stop { get; } = new();

        public CancellationTokenSource Broken { get; } = new();

        /// <summary>Why it is broken, one line.</summary>
        public string? Why { get; private set; }

        /// <summary>Checks periodically whether a rank waits in vain.</summary>
        public void Watch(TimeSpan limit, Action<string>? lost)
        {
            var period = TimeSpan.FromMilliseconds(Math.Clamp(limit.TotalMilliseconds / 4, 5, 1000));
            _watch = new Timer(_ =>
            {
                RankState[] states = [.. Activities.Select(activity => activity.State)];
                string? line = Watchdog.Look(states, rank => $"rank {rank}", limit, limit, Environment.TickCount64);
                if (line is null || Broken.IsCancellationRequested) return;
                Break(line);
                lost?.Invoke(line);
            }, null, period, period);
        }

        public void Dispose() => _watch?.Dispose();

        /// <summary>Ends all current and later waits. The first reason counts.</summary>
        public void Break(string why)
        {
            lock (Broken) Why ??= why;
            Dispose();
            Broken.Cancel();
        }
    }
}
