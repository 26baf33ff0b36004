using System.IO.Compression;
using ZstdSharp;

namespace Lapidary.Training.Data.Files;

/// <summary>Decompresses gzip and zstd while reading; the first bytes tell the format.</summary>
internal static class Decompression
{
    /// <summary>Endings that may follow the ending of a data file.</summary>
    public static readonly IReadOnlyList<string> Extensions = [".GZ", ".ZST"];

    /// <summary>The decompressed data, or the data unchanged. Disposing it leaves <paramref name="stream"/> open.</summary>
    public static Stream Open(Stream stream)
    {
        byte[] start = new byte[4];
        int length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        bool isGzip = start is [0x1F, 0x8B, ..];
        var whole = new JoinedStream(start.AsMemory(0, length), stream, isGzip ? WholeGzipStream.End : default);
        return isGzip ? new WholeGzipStream(whole)
            : start is [0x28, 0xB5, 0x2F, 0xFD] ? new DecompressionStream(whole, leaveOpen: true)
            : whole;
    }

    /// <summary>Whether the exception means that compressed data are damaged.</summary>
    public static bool IsBroken(Exception error) => error is InvalidDataException or ZstdException or EndOfStreamException;
}

/// <summary>A read-only, forward-only stream.</summary>
internal abstract class ForwardStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>Some bytes, a stream and more bytes, one after the other.</summary>
internal sealed class JoinedStream(ReadOnlyMemory<byte> start, Stream stream, ReadOnlyMemory<byte> end) : ForwardStream
{
    private ReadOnlyMemory<byte> _bytes = start;
    private ReadOnlyMemory<byte> _end = end;

    /// <summary>Whether the stream has ended and only the last bytes follow.</summary>
    public bool IsAtEnd { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        if (_bytes.IsEmpty)
        {
            int read = stream.Read(buffer);
            if (read > 0) return read;
            (_bytes, _end, IsAtEnd) = (_end, default, true);
        }

        int count = Math.Min(buffer.Length, _bytes.Length);
        _bytes.Span[..count].CopyTo(buffer);
        _bytes = _bytes[count..];
        return count;
    }
}

/// <summary>Reads gzip and checks that the data are complete.</summary>
/// <remarks>.NET reports no error if gzip data are cut off. So a member that unpacks to known bytes is appended to the data: it appears at
/// the end only if all data before it are complete. If the data are cut off inside a block, the member is read as the rest of that block;
/// these bytes are held back until the end has proved correct.</remarks>
internal sealed class WholeGzipStream(JoinedStream packed) : ForwardStream
{
    private static readonly byte[] Mark = Convert.FromHexString("9E4C1B7703D85AE6F2216D90BC3FA845");

    private readonly GZipStream _unpacked = new(packed, CompressionMode.Decompress);

    /// <summary>Unpacked bytes that were not returned yet; the last ones may be the mark.</summary>
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start, _count;
    private bool _ended;

    /// <summary>The expected bytes after the data.</summary>
    public static ReadOnlyMemory<byte> End { get; } = Pack();

    public override int Read(Span<byte> buffer)
    {
        while (!_ended && (_count <= Mark.Length || packed.IsAtEnd)) Fill();
        int ready = _ended ? _count : _count - Mark.Length;
        int count = Math.Min(buffer.Length, ready);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        _count -= count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _unpacked.Dispose();
        base.Dispose(disposing);
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _count).CopyTo(_buffer);
        _start = 0;
        int read = Unpack(_buffer.AsSpan(_count));
        _count += read;
        if (read > 0) return;
        if (!_buffer.AsSpan(0, _count).EndsWith(Mark)) throw CutOff();
        _count -= Mark.Length;
        _ended = true;
    }

    /// <summary>If read as something else, the appended member unpacks to at most 40 KB (1032 bytes for one), so a full buffer at the end
    /// is an error too.</summary>
    private int Unpack(Span<byte> buffer)
    {
        if (buffer.IsEmpty) throw CutOff();
        try
        {
            return _unpacked.Read(buffer);
        }
        catch (InvalidDataException) when (packed.IsAtEnd)
        {
            throw CutOff();
        }
    }

    private static InvalidDataException CutOff() => new("it is cut off");

    private static byte[] Pack()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true)) gzip.Write(Mark);
        return packed.ToArray();
    }
}
