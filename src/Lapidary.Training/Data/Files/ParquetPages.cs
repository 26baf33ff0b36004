namespace Lapidary.Training.Data.Files;

/// <summary>A view of a Parquet file that is safe for the library: of a column, only the pages with checked headers. Pages may hold fewer
/// values than their headers claim. The library then reads any following bytes as pages, and at the end of the file it would never
/// stop.</summary>
internal sealed class ParquetPages(Stream file) : Stream
{
    /// <summary>The largest page: writers make pages of a megabyte, or of one larger value.</summary>
    private const int MaxPageBytes = 256 << 20;

    /// <summary>The most bytes of a column in a row group: 4 GiB.</summary>
    private const long MaxColumnBytes = 4L << 30;

    /// <summary>A page's header is read with this many bytes first, and with more if they are not enough.</summary>
    private const int HeaderBytes = 4 << 10, MaxHeaderBytes = 16 << 20;

    /// <summary>Where the library must stop.</summary>
    private long _end = file.Length;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position { get => file.Position; set => file.Position = value; }

    /// <summary>Checks the headers of a column's pages and lets the library read these pages.</summary>
    /// <param name="start">Start of the first page.</param>
    /// <param name="length">Bytes of all pages.</param>
    /// <param name="values">Expected number of entries.</param>
    /// <exception cref="InvalidDataException">A page is larger than the remaining bytes or than the limit.</exception>
    public void Enter(long start, long length, long values)
    {
        if (start < 4 || length < 0 || length > file.Length - start)
            throw new InvalidDataException($"a column claims {length} bytes from byte {start} on");
        long end = start + length, total = 0, found = 0;
        while (start < end && found < values)
        {
            var page = ReadHeader(start, end - start, out int headerBytes);
            total += page.Uncompressed;
            start += headerBytes + page.Compressed;
            if (page.Compressed < 0 || start > end || page.Uncompressed is < 0 or > MaxPageBytes || total > MaxColumnBytes)
                throw new InvalidDataException($"a page claims {page.Uncompressed} bytes, packed {page.Compressed}");
            if (page.Values < 0 || page.Values > (page.IsDictionary ? page.Uncompressed : values - found))
                throw new InvalidDataException($"a page claims {page.Values} values");
            if (!page.IsDictionary) found += page.Values;
        }

        if (found != values) throw new InvalidDataException($"a column has {found} values instead of {values}");
        _end = start;
    }

    public override int ReadByte() =>
        Position < _end ? file.ReadByte() : throw new InvalidDataException("pages end before all of their values");

    public override int Read(Span<byte> buffer) => Position < _end ? file.Read(buffer) : 0;

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer, offset, count));

    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private ParquetPage ReadHeader(long start, long length, out int headerBytes)
    {
        foreach (int size in (ReadOnlySpan<int>)[HeaderBytes, MaxHeaderBytes])
        {
            byte[] bytes = new byte[Math.Min(size, length)];
            file.Position = start;
            file.ReadExactly(bytes);
            try
            {
                return ParquetThrift.ReadPage(bytes, out headerBytes);
            }
            catch (InvalidDataException) when (bytes.Length == HeaderBytes && bytes.Length < length)
            {
                // It may continue after these bytes.
            }
        }

        throw new InvalidDataException("a page's header is too long");
    }
}

/// <summary>The content of a page's header.</summary>
/// <param name="Uncompressed">Its decompressed size.</param>
/// <param name="Compressed">Its size in the file.</param>
/// <param name="Values">Its entries.</param>
/// <param name="IsDictionary">Whether it holds the values that other pages refer to.</param>
internal readonly record struct ParquetPage(int Uncompressed, int Compressed, int Values, bool IsDictionary);
