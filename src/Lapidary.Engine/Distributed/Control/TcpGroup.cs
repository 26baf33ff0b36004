using System.Buffers.Binary;
using System.Text;
using Lapidary.Engine.Distributed.Launch;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Control;

/// <summary>Ranks that reach each other over TCP: all others have a connection to rank 0. Each end says every few seconds that it lives;
/// where one ends or falls silent, all are told.</summary>
internal abstract class TcpGroup : RankGroup
{
    /// <summary>Bytes of a piece of what is gathered, so that signs of life come between.</summary>
    protected const int Piece = 1 << 20;

    /// <summary>Bytes that a rank may give to a gather.</summary>
    private const int MostGathered = 1 << 30;

    private readonly object _gathering = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Activity _activity = new();
    private readonly ManualResetEvent _closed = new(false);
    private readonly string[] _hosts;
    private readonly Action<string> _lost;
    private readonly Thread _beats;
    private string? _ended;
    private int _ending, _disposed;

    private protected TcpGroup(int rank, string[] hosts, TcpGroupSettings settings)
    {
        Rank = rank;
        _hosts = hosts;
        Settings = settings;
        _lost = settings.Lost;
        _beats = new Thread(Beat, maxStackSize: 256 << 10) { IsBackground = true, Name = "Lapidary beats" };
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int WorldSize => _hosts.Length;

    /// <inheritdoc/>
    public override CancellationToken StopRequested => _stop.Token;

    /// <summary>Who started the ranks.</summary>
    public LaunchPlace Place => Settings.Place;

    /// <summary>Guards what the threads of a group share, and wakes those that wait for a change of it.</summary>
    protected object Sync { get; } = new();

    /// <summary>Limits, and whom to tell.</summary>
    protected TcpGroupSettings Settings { get; }

    /// <summary>Limits.</summary>
    protected ControlTimes Times => Settings.Times;

    /// <summary>What this rank does.</summary>
    protected RankState State => _activity.State;

    /// <summary>Whether the end of a connection is no news any more.</summary>
    protected bool IsEnding => Volatile.Read(ref _ending) != 0 || IsDisposed;

    /// <summary>Whether this rank is done.</summary>
    protected bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>Whether all is over, and the line that says so is said.</summary>
    protected bool HasEnded => _ended is not null;

    /// <summary>Whether rank 0 ends with the same message as this rank.</summary>
    protected virtual bool IsSaidByLeader => false;

    /// <inheritdoc/>
    public override string NameOf(int rank) => $"rank {rank} ({_hosts[rank]})";

    /// <inheritdoc/>
    public override string HostOf(int rank) => _hosts[rank];

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine)
    {
        if (mine.Length > MostGathered)
            throw new LapidaryException($"{NameOf(Rank)} gives {mine.Length} bytes at once: at most {MostGathered}.");
        lock (_gathering)
            using (Waiting("what all ranks say"))
                return Exchange(mine);
    }

    /// <inheritdoc/>
    public override void RequestStop()
    {
        StopHere();
        TellStop();
    }

    /// <inheritdoc/>
    public override IDisposable Busy(string what) => _activity.Enter(ActivityKind.Busy, what);

    /// <inheritdoc/>
    public override IDisposable Waiting(string what) => _activity.Enter(ActivityKind.Waiting, what);

    /// <inheritdoc/>
    public override bool Fail(string message)
    {
        if (!IsDisposed && !HasEnded) TellFailure(message);

        // Launchers that are no MPI's may write a file for each process.
        return !IsSaidByLeader || Place.Kind is not (LaunchKind.OpenMpi or LaunchKind.Mpich);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (!HasEnded && Volatile.Read(ref _ending) == 0)
        {
            SayGoodbye();
            Settings.Done?.Invoke();
        }

        _closed.Set();
        lock (Sync) Monitor.PulseAll(Sync);
        CloseLinks();
        if (Thread.CurrentThread != _beats) _beats.Join(Times.Goodbye);
    }

    /// <summary>Gives what is gathered to all; called by one thread at a time.</summary>
    protected abstract IReadOnlyList<byte[]> Exchange(ReadOnlySpan<byte> mine);

    /// <summary>Tells the others that an end is asked for.</summary>
    protected abstract void TellStop();

    /// <summary>Tells the others why this rank ends, and waits until they know.</summary>
    protected abstract void TellFailure(string message);

    /// <summary>Tells the others why all end, where that is this rank's task.</summary>
    protected abstract void TellEnd(string line, int lost);

    /// <summary>Tells the others that this rank is done.</summary>
    protected abstract void SayGoodbye();

    /// <summary>Closes all connections.</summary>
    protected abstract void CloseLinks();

    /// <summary>Says that this rank lives.</summary>
    protected abstract void SendBeat();

    /// <summary>Looks whether the others live and come.</summary>
    protected abstract void Look(long now);

    /// <summary>Counts the time in which this rank itself did not run as nobody's silence.</summary>
    protected abstract void Forgive(long now);

    /// <summary>Begins with beats and with a thread that receives, for each connection.</summary>
    protected void Start(params IEnumerable<Action> receivers)
    {
        foreach (var receiver in receivers)
            new Thread(() => receiver(), maxStackSize: 256 << 10) { IsBackground = true, Name = "Lapidary control" }.Start();
        _beats.Start();
    }

    /// <summary>This rank is asked to end.</summary>
    protected void StopHere() => ThreadPool.UnsafeQueueUserWorkItem(static stop => stop.Cancel(), _stop, preferLocal: false);

    /// <summary>All is over: the others are told, then whoever waits for this rank's news, then those that wait in a gather.</summary>
    /// <param name="line">Why.</param>
    /// <param name="lost">The rank that is the reason, or −1.</param>
    protected void End(string line, int lost)
    {
        if (IsDisposed || Interlocked.Exchange(ref _ending, 1) != 0) return;
        var thread = new Thread(() =>
        {
            TellEnd(line, lost);
            _lost(line);
            Over(line);
        });
        thread.IsBackground = true;
        thread.Name = "Lapidary end";
        thread.Start();
    }

    /// <summary>Takes the end upon the calling thread; false where another thread has.</summary>
    protected bool TryEndQuietly() => Interlocked.Exchange(ref _ending, 1) == 0;

    /// <summary>Ends all gathers with an error.</summary>
    protected void Over(string line)
    {
        lock (Sync)
        {
            _ended ??= line;
            Monitor.PulseAll(Sync);
        }
    }

    /// <summary>Waits, with <see cref="Sync"/> held, until something is so.</summary>
    /// <returns>False: the limit has passed first.</returns>
    protected bool WaitUntil(Func<bool> isSo, TimeSpan limit)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (!isSo())
        {
            long left = end - Environment.TickCount64;
            if (left <= 0 || !Monitor.Wait(Sync, (int)Math.Min(left, int.MaxValue))) return isSo();
        }

        return true;
    }

    /// <summary>The error of a gather that cannot end any more; called with <see cref="Sync"/> held.</summary>
    protected void ThrowIfEnded()
    {
        if (_ended is not null) throw new LapidaryException(_ended);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
    }

    /// <summary>Sends bytes in pieces, the first of which is there even for none: which rank's, how many in all, the piece.</summary>
    protected static void SendPieces(Link link, FrameKind kind, int rank, ReadOnlySpan<byte> bytes)
    {
        Span<byte> head = stackalloc byte[2 * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(head, rank);
        BinaryPrimitives.WriteInt32LittleEndian(head[sizeof(int)..], bytes.Length);
        int done = 0;
        do
        {
            int count = Math.Min(Piece, bytes.Length - done);
            if (!link.Send(kind, head, bytes.Slice(done, count), Timeout.InfiniteTimeSpan)) return;
            done += count;
        }
        while (done < bytes.Length);
    }

    /// <summary>Tells what somebody sent as a text.</summary>
    protected static string TextOf(ReadOnlySpan<byte> frame) => Encoding.UTF8.GetString(frame);

    private void Beat()
    {
        var pause = TimeSpan.FromMilliseconds(Math.Clamp(Times.Beat.TotalMilliseconds / 5, 5, 1000));
        long last = Environment.TickCount64, sent = 0;
        while (!_closed.WaitOne(pause))
        {
            long now = Environment.TickCount64;
            if (now - last > Times.Beat.TotalMilliseconds + pause.TotalMilliseconds) Forgive(now);
            last = now;
            if (IsEnding) continue;
            if (now - sent >= Times.Beat.TotalMilliseconds - 1)
            {
                SendBeat();
                sent = now;
            }

            Look(now);
        }
    }
}
