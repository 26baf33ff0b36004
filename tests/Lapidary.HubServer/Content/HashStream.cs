using System.Security.Cryptography;
using System.Text;

namespace Lapidary.TestHub.Content;

/// <summary>A stream that hashes what is written to it, and hands it on if it has somebody to hand it to.</summary>
internal sealed class HashStream : Stream
{
    private readonly IncrementalHash _hash;
    private readonly Stream? _next;

    public HashStream(HashAlgorithmName algorithm, string prefix = "", Stream? next = null)
    {
        _hash = IncrementalHash.CreateHash(algorithm);
        _hash.AppendData(Encoding.ASCII.GetBytes(prefix));
        _next = next;
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => Position;

    public override long Position { get; set; }

    public string ToHex() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        Position += buffer.Length;
        _next?.Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _hash.AppendData(buffer.Span);
        Position += buffer.Length;
        return _next?.WriteAsync(buffer, cancellationToken) ?? ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => _next?.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _hash.Dispose();
        base.Dispose(disposing);
    }
}
