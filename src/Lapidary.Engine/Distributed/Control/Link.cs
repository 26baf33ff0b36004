using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Lapidary.Engine.Distributed.Control;

/// <summary>A connection with frames: 4 bytes of length, a byte of kind, the payload. One thread receives; any may send.</summary>
internal sealed class Link : IDisposable
{
    /// <summary>Size limit of a frame from a process that has not proved its identity.</summary>
    public const int StrangersLimit = 64 << 10;

    /// <summary>Size limit of any other frame.</summary>
    public const int MembersLimit = 64 << 20;

    private const int Header = 5;

    private readonly object _sending = new();
    private readonly Socket _socket;
    private readonly byte[] _header = new byte[Header];
    private byte[] _received = new byte[256], _sent = new byte[256];
    private int _limit = StrangersLimit;
    private long _lastHeard = Environment.TickCount64;

    /// <summary>Takes over a connected socket.</summary>
    public Link(Socket socket, ControlTimes times)
    {
        _socket = socket;
        socket.NoDelay = true;
        socket.SendTimeout = Milliseconds(times.Silence);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }

    /// <summary>When the last bytes came, in <see cref="Environment.TickCount64"/>.</summary>
    public long LastHeard
    {
        get => Volatile.Read(ref _lastHeard);
        set => Volatile.Write(ref _lastHeard, value);
    }

    /// <summary>Address and port of the other end.</summary>
    public string Peer => _socket.RemoteEndPoint?.ToString() ?? "?";

    /// <summary>Whether the other end has closed, and nothing is left to receive.</summary>
    public bool IsClosed
    {
        get
        {
            try
            {
                return _socket.Poll(0, SelectMode.SelectRead) && _socket.Available == 0;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>Marks the other end as authenticated.</summary>
    public void Trust() => _limit = MembersLimit;

    /// <summary>Sends a frame. Returns false on failure, which the receiving thread notices too.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="head">First part of the payload.</param>
    /// <param name="body">The rest.</param>
    /// <param name="patience">How long to wait while another thread sends.</param>
    public bool Send(FrameKind kind, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, TimeSpan patience)
    {
        if (!Monitor.TryEnter(_sending, patience)) return false;
        try
        {
            int length = Header + head.Length + body.Length;
            if (_sent.Length < length) _sent = new byte[length];
            BinaryPrimitives.WriteInt32LittleEndian(_sent, length - sizeof(int));
            _sent[sizeof(int)] = (byte)kind;
            head.CopyTo(_sent.AsSpan(Header));
            body.CopyTo(_sent.AsSpan(Header + head.Length));
            for (int done = 0; done < length;) done += _socket.Send(_sent.AsSpan(done, length - done));
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Close(); // half a frame may have gone
            return false;
        }
        finally
        {
            Monitor.Exit(_sending);
        }
    }

    /// <summary>Sends a frame, after those that other threads are sending.</summary>
    public bool Send(FrameKind kind, ReadOnlySpan<byte> payload) => Send(kind, [], payload, Timeout.InfiniteTimeSpan);

    /// <summary>Sends a frame with a text.</summary>
    public bool Send(FrameKind kind, string text) => Send(kind, Encoding.UTF8.GetBytes(text));

    /// <summary>Waits for a frame. The payload is valid until the next call.</summary>
    /// <param name="kind">The frame's kind.</param>
    /// <param name="limit">Time limit for the whole frame; null for none.</param>
    /// <exception cref="LinkException">The connection ended, the limit passed, or the bytes are not a frame.</exception>
    public ReadOnlySpan<byte> Receive(out FrameKind kind, TimeSpan? limit = null)
    {
        long? end = limit is { } time ? Environment.TickCount64 + (long)time.TotalMilliseconds : null;
        Fill(_header, end);
        int length = BinaryPrimitives.ReadInt32LittleEndian(_header) - 1;
        kind = (FrameKind)_header[sizeof(int)];
        if (length < 0 || length > _limit || kind is < FrameKind.Hello or > FrameKind.Bye)
            throw new LinkException("what came is no message of Lapidary", isForeign: true);
        if (_received.Length < length) _received = new byte[length];
        Fill(_received.AsSpan(0, length), end);
        return _received.AsSpan(0, length);
    }

    /// <summary>Ends the connection, also for a thread that waits for a frame.</summary>
    public void Close()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // it has ended already
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        _socket.Dispose();
    }

    private static int Milliseconds(TimeSpan time) => (int)Math.Clamp(time.TotalMilliseconds, 1, int.MaxValue);

    private void Fill(Span<byte> bytes, long? end)
    {
        try
        {
            while (bytes.Length > 0)
            {
                if (end is { } time)
                {
                    long left = time - Environment.TickCount64;
                    if (left <= 0) throw new LinkException("no answer in time");
                    _socket.ReceiveTimeout = (int)Math.Min(left, int.MaxValue);
                }
                else if (_socket.ReceiveTimeout != 0)
                {
                    _socket.ReceiveTimeout = 0;
                }

                int count = _socket.Receive(bytes);
                if (count == 0) throw new LinkException("the connection ended");
                LastHeard = Environment.TickCount64;
                bytes = bytes[count..];
            }
        }
        catch (SocketException e)
        {
            throw new LinkException(e.SocketErrorCode == SocketError.TimedOut ? "no answer in time" : "the connection ended");
        }
        catch (ObjectDisposedException)
        {
            throw new LinkException("the connection ended");
        }
    }
}

/// <summary>A connection has ended, or received bytes that are not a message.</summary>
internal sealed class LinkException(string message, bool isForeign = false) : Exception(message)
{
    /// <summary>Whether the other end is not Lapidary.</summary>
    public bool IsForeign => isForeign;
}
