using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Engine.Distributed.Control;

/// <summary>Any other rank's end of its connection to rank 0.</summary>
internal sealed class MemberGroup : TcpGroup
{
    /// <summary>Bytes of a beat before the words: what the rank does, and for how many milliseconds.</summary>
    public const int BeatHead = 1 + sizeof(long);

    /// <summary>Bytes of the words; longer ones are left out.</summary>
    private const int WordsLimit = 512;

    private readonly Link _link;
    private readonly byte[] _beat = new byte[BeatHead];
    private readonly Pieces?[] _coming;
    private byte[][]? _results;
    private volatile string? _failure;
    private bool _leaderIsGone, _isOver, _failureIsKnown, _isSaidByLeader;

    /// <summary>Takes over the connection that an arrival made.</summary>
    public MemberGroup(int rank, Link link, string[] hosts, TcpGroupSettings settings) : base(rank, hosts, settings)
    {
        _link = link;
        _coming = new Pieces?[hosts.Length];
        Start(Receive);
    }

    /// <inheritdoc/>
    protected override bool IsSaidByLeader => _isSaidByLeader;

    /// <inheritdoc/>
    protected override IReadOnlyList<byte[]> Exchange(ReadOnlySpan<byte> mine)
    {
        SendPieces(_link, FrameKind.Part, Rank, mine);
        lock (Sync)
        {
            while (_results is null)
            {
                ThrowIfEnded();
                if (_leaderIsGone) End($"{NameOf(0)} has ended, but {NameOf(Rank)} still needs it.", lost: 0);
                Monitor.Wait(Sync);
            }

            byte[][] results = _results;
            _results = null;
            return results;
        }
    }

    /// <inheritdoc/>
    protected override void TellStop() => _link.Send(FrameKind.Stop, [], [], Times.Goodbye);

    /// <inheritdoc/>
    protected override void TellFailure(string message)
    {
        _failure = message;
        _link.Send(FrameKind.Failed, [], Encoding.UTF8.GetBytes(message), Times.Goodbye);
        lock (Sync) WaitUntil(() => _failureIsKnown || HasEnded || _isOver, Times.Grace + (2 * Times.Goodbye));

        // The end of this rank makes a launcher kill rank 0, which has yet to say why.
        if (_isSaidByLeader) lock (Sync) WaitUntil(() => _isOver, Times.Goodbye);
        if (TryEndQuietly()) Over($"{NameOf(Rank)}: {message}");
        else lock (Sync) WaitUntil(() => HasEnded, Times.Goodbye);
    }

    /// <inheritdoc/>
    protected override void TellEnd(string line, int lost)
    {
    }

    /// <inheritdoc/>
    protected override void SayGoodbye()
    {
        if (!_leaderIsGone) _link.Send(FrameKind.Bye, [], [], Times.Goodbye);
        lock (Sync) WaitUntil(() => _leaderIsGone || _isOver, Times.Goodbye);
    }

    /// <inheritdoc/>
    protected override void CloseLinks() => _link.Dispose();

    /// <inheritdoc/>
    protected override void SendBeat()
    {
        if (_leaderIsGone) return;
        var state = State;
        _beat[0] = (byte)state.Kind;
        BinaryPrimitives.WriteInt64LittleEndian(_beat.AsSpan(1), Environment.TickCount64 - state.Since);
        Span<byte> what = stackalloc byte[WordsLimit];
        Encoding.UTF8.TryGetBytes(state.What, what, out int length);
        _link.Send(FrameKind.Beat, _beat, what[..length], TimeSpan.Zero);
    }

    /// <inheritdoc/>
    protected override void Look(long now)
    {
        if (_leaderIsGone)
        {
            // Nobody else would see that this rank waits in vain.
            var state = State;
            if (state.Kind == ActivityKind.Waiting && now - state.Since > Times.Silence.TotalMilliseconds)
                End($"{NameOf(0)} has ended, but {NameOf(Rank)} waits for {state.What}.", lost: 0);
        }
        else if (now - _link.LastHeard > Times.Silence.TotalMilliseconds)
        {
            End($"{NameOf(0)} has given no sign of life for {Times.Silence.TotalSeconds:0.#} s.", lost: 0);
        }
    }

    /// <inheritdoc/>
    protected override void Forgive(long now) => _link.LastHeard = now;

    private void Receive()
    {
        string why = "";
        try
        {
            while (Take())
            {
            }
        }
        catch (LinkException e)
        {
            why = e.Message;
        }

        lock (Sync)
        {
            _isOver = true;
            Monitor.PulseAll(Sync);
        }

        if (!_leaderIsGone && _failure is null && !IsEnding) End($"{NameOf(0)} is gone: {why}.", lost: 0);
    }

    /// <summary>Takes a message; false after the last one.</summary>
    private bool Take()
    {
        var frame = _link.Receive(out var kind);
        switch (kind)
        {
            case FrameKind.Beat:
                return true;
            case FrameKind.Stop:
                StopHere();
                return true;
            case FrameKind.Result:
                int rank = Pieces.RankOf(frame);
                if (rank < 0 || rank >= WorldSize) throw new LinkException($"it speaks of rank {rank}");
                (_coming[rank] ??= new()).Add(frame);
                if (rank < WorldSize - 1 || _coming[rank]!.Whole is null) return true;
                byte[][] results = [.. _coming.Select(pieces => pieces?.Whole ?? throw new LinkException("it left out a rank"))];
                Array.Clear(_coming);
                lock (Sync)
                {
                    _results = results;
                    Monitor.PulseAll(Sync);
                }

                return true;
            case FrameKind.Lost:
                string line = TextOf(frame);
                _link.Send(FrameKind.Ack, [], [], Times.Goodbye);
                if (_failure is { } own && line == $"{NameOf(0)}: {own}") FailureIsKnown(isSaid: true);
                else End(line, lost: -1);
                return true;
            case FrameKind.Ack:
                FailureIsKnown(isSaid: false);
                return true;
            case FrameKind.Bye:
                lock (Sync)
                {
                    _leaderIsGone = true;
                    Monitor.PulseAll(Sync);
                }

                return false;
            default:
                throw new LinkException($"it sent an unexpected message ({kind})");
        }
    }

    private void FailureIsKnown(bool isSaid)
    {
        lock (Sync)
        {
            _isSaidByLeader = isSaid;
            _failureIsKnown = true;
            Monitor.PulseAll(Sync);
        }
    }
}
