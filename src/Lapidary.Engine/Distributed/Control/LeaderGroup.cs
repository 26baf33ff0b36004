using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Engine.Distributed.Control;

/// <summary>Rank 0's end of all connections.</summary>
internal sealed class LeaderGroup : TcpGroup
{
    private readonly Member?[] _members;
    private readonly RankState[] _states;
    private readonly Func<int, string> _nameOf;
    private volatile string? _ownFailure;

    /// <summary>Takes over the connections that a rendezvous made.</summary>
    public LeaderGroup(Link?[] links, string[] hosts, TcpGroupSettings settings) : base(rank: 0, hosts, settings)
    {
        _members = [.. links.Select(link => link is null ? null : new Member(link))];
        _nameOf = NameOf;
        _states = new RankState[links.Length];
        Array.Fill(_states, new RankState(ActivityKind.Computing, Environment.TickCount64, ""));
        Start(Enumerable.Range(1, links.Length - 1).Select(rank => (Action)(() => Receive(rank, _members[rank]!))));
    }

    private IEnumerable<(int Rank, Member Member)> Present =>
        _members.Index().Where(entry => entry.Item is { IsOver: false }).Select(entry => (entry.Index, entry.Item!));

    /// <inheritdoc/>
    protected override IReadOnlyList<byte[]> Exchange(ReadOnlySpan<byte> mine)
    {
        var all = new byte[WorldSize][];
        all[0] = mine.ToArray();
        lock (Sync)
        {
            for (int rank = 1; rank < all.Length; rank++)
            {
                var member = _members[rank]!;
                while (member.Given is null)
                {
                    ThrowIfEnded();
                    if (member.IsGone) End($"{NameOf(rank)} has ended, but {NameOf(0)} still needs it.", rank);
                    Monitor.Wait(Sync);
                }

                (all[rank], member.Given) = (member.Given, null);
            }

            ThrowIfEnded();
        }

        for (int to = 1; to < all.Length; to++)
            for (int rank = 0; rank < all.Length; rank++)
                SendPieces(_members[to]!.Link, FrameKind.Result, rank, all[rank]);
        return all;
    }

    /// <inheritdoc/>
    protected override void TellStop() => TellAll(FrameKind.Stop, "", except: 0);

    /// <inheritdoc/>
    protected override void TellFailure(string message)
    {
        _ownFailure = message;
        Thread.Sleep(Times.Grace);
        string line = $"{NameOf(0)}: {message}";
        if (TryEndQuietly())
        {
            TellEnd(line, lost: 0);
            Over(line);
        }
        else
        {
            lock (Sync) WaitUntil(() => HasEnded, 2 * Times.Goodbye);
        }
    }

    /// <inheritdoc/>
    protected override void TellEnd(string line, int lost)
    {
        foreach (var (rank, member) in Present.OrderBy(entry => entry.Rank == lost).ToList()) // whoever hangs holds up nobody
        {
            if (rank == lost && member.HasFailed) member.Link.Send(FrameKind.Ack, [], [], Times.Goodbye);
            else member.Link.Send(FrameKind.Lost, [], Encoding.UTF8.GetBytes(line), Times.Goodbye);
        }

        lock (Sync) WaitUntil(() => Present.All(entry => entry.Rank == lost || entry.Member.KnowsEnd), Times.Goodbye);
    }

    /// <inheritdoc/>
    protected override void SayGoodbye()
    {
        lock (Sync) WaitUntil(() => !Present.Any(), Times.Goodbye);
        TellAll(FrameKind.Bye, "", except: 0);
    }

    /// <inheritdoc/>
    protected override void CloseLinks()
    {
        foreach (var member in _members) member?.Link.Dispose();
    }

    /// <inheritdoc/>
    protected override void SendBeat()
    {
        foreach (var member in _members)
            if (member is { IsOver: false }) member.Link.Send(FrameKind.Beat, [], [], TimeSpan.Zero);
    }

    /// <inheritdoc/>
    protected override void Look(long now)
    {
        string? line;
        lock (Sync)
        {
            for (int rank = 1; rank < WorldSize; rank++)
            {
                if (_members[rank]!.IsOver || now - _members[rank]!.Link.LastHeard <= Times.Silence.TotalMilliseconds) continue;
                End($"{NameOf(rank)} has given no sign of life for {Times.Silence.TotalSeconds:0.#} s.", rank);
                return;
            }

            _states[0] = State;
            line = Watchdog.Look(_states, _nameOf, Settings.WaitLimit, Times.Silence, now);
        }

        if (line is not null) End(line, lost: -1);
    }

    /// <inheritdoc/>
    protected override void Forgive(long now)
    {
        foreach (var member in _members)
            if (member is not null) member.Link.LastHeard = now;
    }

    private void TellAll(FrameKind kind, string text, int except)
    {
        foreach (var (rank, member) in Present.ToList())
            if (rank != except) member.Link.Send(kind, [], Encoding.UTF8.GetBytes(text), Times.Goodbye);
    }

    private void Receive(int rank, Member member)
    {
        string why;
        try
        {
            while (Take(rank, member))
            {
            }

            why = "";
        }
        catch (LinkException e)
        {
            why = e.Message;
        }

        lock (Sync)
        {
            member.IsOver = true;
            Monitor.PulseAll(Sync);
        }

        if (!member.IsGone && !IsEnding) End($"{NameOf(rank)} is gone: {why}.", rank);
    }

    /// <summary>Takes a message; false after the last one.</summary>
    private bool Take(int rank, Member member)
    {
        var frame = member.Link.Receive(out var kind);
        switch (kind)
        {
            case FrameKind.Beat when frame.Length >= MemberGroup.BeatHead:
                var what = (ActivityKind)frame[0];
                long since = Environment.TickCount64 - BinaryPrimitives.ReadInt64LittleEndian(frame[1..]);
                string text = TextOf(frame[MemberGroup.BeatHead..]);
                lock (Sync) _states[rank] = new(what, since, text);
                return true;
            case FrameKind.Stop:
                StopHere();
                TellAll(FrameKind.Stop, "", except: rank);
                return true;
            case FrameKind.Part:
                member.Coming.Add(Pieces.RankOf(frame) == rank ? frame : throw new LinkException("it speaks for another rank"));
                if (member.Coming.Whole is not { } whole) return true;
                member.Coming = new Pieces();
                lock (Sync)
                {
                    member.Given = whole;
                    Monitor.PulseAll(Sync);
                }

                return true;
            case FrameKind.Failed:
                member.HasFailed = true;
                string message = TextOf(frame);
                _ = Task.Delay(Times.Grace).ContinueWith(
                    _ =>
                    {
                        // An error that all of them share is reported by rank 0.
                        if (message != _ownFailure) End($"{NameOf(rank)}: {message}", rank);
                    },
                    TaskScheduler.Default);
                return true;
            case FrameKind.Ack:
                lock (Sync)
                {
                    member.KnowsEnd = true;
                    Monitor.PulseAll(Sync);
                }

                return true;
            case FrameKind.Bye:
                lock (Sync)
                {
                    member.IsGone = true;
                    _states[rank] = new(ActivityKind.Gone, Environment.TickCount64, "");
                }

                member.Link.Send(FrameKind.Bye, [], [], Times.Goodbye);
                return false;
            default:
                throw new LinkException($"it sent an unexpected message ({kind})");
        }
    }

    /// <summary>Rank 0's knowledge of another rank.</summary>
    private sealed class Member(Link link)
    {
        public Link Link => link;

        /// <summary>Its contribution to the current gather, once it is complete.</summary>
        public byte[]? Given { get; set; }

        public Pieces Coming { get; set; } = new();

        /// <summary>It has reported that it is done.</summary>
        public bool IsGone { get; set; }

        /// <summary>It sends nothing more.</summary>
        public bool IsOver { get; set; }

        /// <summary>It has reported an error.</summary>
        public bool HasFailed { get; set; }

        /// <summary>It knows why all ranks end.</summary>
        public bool KnowsEnd { get; set; }
    }
}
