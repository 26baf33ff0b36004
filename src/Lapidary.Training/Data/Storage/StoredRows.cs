using System.Buffers;
using System.Security.Cryptography;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Storage;

/// <summary>Rows as bytes in a <see cref="ByteStore"/>: a few bytes a row in memory.</summary>
internal sealed class StoredRows : RowSource
{
    private readonly ByteStore _bytes;
    private readonly long[] _ends;

    /// <summary>Files in order, with the number of the first row of each.</summary>
    private readonly (int FirstRow, string File, string Unit)[] _files;

    private StoredRows(ByteStore bytes, long[] ends, (int, string, string)[] files, string contentHash) =>
        (_bytes, _ends, _files, ContentHash) = (bytes, ends, files, contentHash);

    /// <inheritdoc/>
    public override int Count => _ends.Length;

    /// <inheritdoc/>
    public override string ContentHash { get; }

    /// <inheritdoc/>
    public override long ContentBytes => _bytes.Length;

    /// <summary>Whether the rows are in a file.</summary>
    public bool IsSpilled => _bytes.IsSpilled;

    /// <inheritdoc/>
    public override DataRow Read(int index)
    {
        long start = index == 0 ? 0 : _ends[index - 1];
        int length = (int)(_ends[index] - start);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var bytes = buffer.AsSpan(0, length);
            _bytes.Read(start, bytes);
            var source = new ByteSource(bytes);
            long number = (long)source.Number();
            var (_, file, unit) = _files[FileOf(index)];
            return RowBytes.Read(source.Rest, new RowOrigin(file, unit, number));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private int FileOf(int row)
    {
        int low = 0, high = _files.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_files[middle].FirstRow <= row) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    /// <summary>Collects rows in order.</summary>
    /// <param name="limits">Limits for memory.</param>
    /// <param name="folder">The folder for data beyond these limits; see <see cref="ByteStore"/>.</param>
    internal sealed class Builder(StorageLimits limits, string? folder)
    {
        private readonly ByteStore _bytes = new(limits.MemoryBytes, folder);
        private readonly List<long> _ends = [];
        private readonly List<(int FirstRow, string File, string Unit)> _files = [];
        private readonly ByteBuilder _row = new();
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        /// <summary>Number of rows so far.</summary>
        public int Count => _ends.Count;

        /// <summary>Appends a row.</summary>
        /// <exception cref="Formats.LapidaryException">The temporary file cannot be written.</exception>
        public void Add(DataRow row)
        {
            var (file, unit, number) = row.Origin;
            if (_files.Count == 0 || _files[^1].File != file || _files[^1].Unit != unit) _files.Add((Count, file, unit));
            _row.Clear();
            _row.Number((ulong)number);
            RowBytes.Write(_row, row);
            _bytes.Append(_row.Span);
            _hash.AppendData(_row.Span);
            _ends.Add(_bytes.Length);
        }

        /// <summary>The rows.</summary>
        public StoredRows Build() => new(_bytes, [.. _ends], [.. _files], Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }
}
