using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Lapidary.TestHub.Faults;

/// <summary>An answer's body on its way out: counted, and cut, slowed, stopped or spoilt as the faults say.</summary>
internal sealed class AnswerStream(Stream inner, HttpContext context, HubRequest log, IReadOnlyList<HubFault> faults) : WriteOnlyStream
{
    private readonly long _cutAfter = faults.Min(fault => fault.CutAfter) ?? long.MaxValue;
    private readonly long _stallAfter = faults.Min(fault => fault.StallAfter) ?? long.MaxValue;
    private readonly long _corruptAt = faults.Max(fault => fault.CorruptAt) ?? -1;
    private readonly double _bytesPerSecond = faults.Min(fault => fault.BytesPerSecond) ?? double.PositiveInfinity;
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _written;

    /// <summary>Bytes that Content-Length leaves room for.</summary>
    public long Room { get; set; } = long.MaxValue;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (HttpMethods.IsHead(context.Request.Method)) return;
        if (_written + buffer.Length > Room) buffer = buffer[..(int)Math.Max(0, Room - _written)];
        while (buffer.Length > 0)
        {
            if (_written >= _cutAfter) await CutAsync();
            if (_written >= _stallAfter)
            {
                await inner.FlushAsync(cancellationToken);
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            long limit = Math.Min(Math.Min(_cutAfter, _stallAfter) - _written, buffer.Length);
            if (_bytesPerSecond < double.PositiveInfinity) limit = Math.Min(limit, (long)Math.Max(1, _bytesPerSecond / 20));
            var piece = buffer[..(int)limit];
            if (_corruptAt >= _written && _corruptAt < _written + piece.Length)
            {
                byte[] copy = piece.ToArray();
                copy[_corruptAt - _written] ^= 0x55;
                piece = copy;
            }

            _written += piece.Length;
            log.Sent(piece.Length);
            await inner.WriteAsync(piece, cancellationToken);
            buffer = buffer[piece.Length..];
            var due = TimeSpan.FromSeconds(_written / _bytesPerSecond) - Stopwatch.GetElapsedTime(_started);
            if (due > TimeSpan.Zero) await Task.Delay(due, cancellationToken);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    /// <summary>At the end of an answer: a cut may lie exactly there, or beyond what there was to write.</summary>
    public async Task EndAsync()
    {
        if (_cutAfter < long.MaxValue && _written >= _cutAfter) await CutAsync();
        if (_stallAfter < long.MaxValue && _written >= _stallAfter) await Task.Delay(Timeout.Infinite, context.RequestAborted);
    }

    private async Task CutAsync()
    {
        // What was written must reach the client before the connection is reset.
        await inner.FlushAsync(context.RequestAborted);
        await Task.Delay(30, context.RequestAborted);
        context.Abort();
        throw new OperationCanceledException("cut");
    }
}

/// <summary>A request's body on its way in: counted, and cut.</summary>
internal sealed class RequestStream(Stream inner, HttpContext context, HubRequest log, long cutAfter) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken);
        _read += read;
        log.Received(read);
        if (_read <= cutAfter) return read;
        context.Abort();
        throw new OperationCanceledException("cut");
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
