using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>A set of examples as one file: magic, size of the header, header, numbers of each example, tokens, and the XXH128 of all of
/// these.</summary>
/// <remarks>Files are not trusted: allocations never exceed the file's length, and nothing is used unless the hash is correct.</remarks>
internal static class ExampleFile
{
    /// <summary>Larger than any row that can be read; the header is small in comparison.</summary>
    private const int MaxHeaderBytes = 256 << 20;

    private const int BufferBytes = 1 << 20, HashBytes = 16, NumbersOfAnExample = 3;

    private static ReadOnlySpan<byte> Magic => "LPDTOKN2"u8;

    /// <summary>Size of the file without its header.</summary>
    public static long LengthOf(ExampleSet set) => set.Bytes.Length + ((long)set.Count * (NumbersOfAnExample + 1) * sizeof(int));

    /// <summary>Writes a set.</summary>
    /// <param name="stream">The target.</param>
    /// <param name="key">A hash of the sources of the set.</param>
    /// <param name="set">The set.</param>
    /// <param name="rows">Rows of the data set.</param>
    /// <param name="firstRow">The first of them.</param>
    public static void Write(Stream stream, string key, ExampleSet set, int rows, DataRow firstRow)
    {
        var hash = new XxHash128();
        var header = Header(key, set, rows, firstRow);
        byte[] length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, header.Length);
        Write(Magic);
        Write(length);
        Write(header.Span);
        Write(MemoryMarshal.AsBytes(set.Lengths));
        Write(MemoryMarshal.AsBytes(set.Trained));
        Write(MemoryMarshal.AsBytes(set.Rows));
        int[] bytes = new int[set.Count];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (int)(set.Ends[i] - (i == 0 ? 0 : set.Ends[i - 1]));
        Write(MemoryMarshal.AsBytes<int>(bytes));
        set.Bytes.ReadAll(part => Write(part.Span));
        stream.Write(hash.GetCurrentHash());

        void Write(ReadOnlySpan<byte> part)
        {
            hash.Append(part);
            stream.Write(part);
        }
    }

    /// <summary>Reads a set. If it has many tokens, they stay in the file.</summary>
    /// <param name="file">The file; the set owns it afterwards.</param>
    /// <param name="key">The expected hash of the sources.</param>
    /// <param name="vocabularySize">Ids are smaller than this.</param>
    /// <param name="memoryBytes">Bytes of tokens to keep in memory.</param>
    /// <returns>The set and the data set's first row; null if the file is damaged or belongs to another set.</returns>
    public static (ExampleSet Set, DataRow FirstRow)? TryRead(FileStream file, string key, int vocabularySize, long memoryBytes)
    {
        try
        {
            return new Reading(file).Read(key, vocabularySize, memoryBytes);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException || FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private static ByteBuilder Header(string key, ExampleSet set, int rows, DataRow firstRow)
    {
        var header = new ByteBuilder();
        var counts = set.Counts;
        header.Text(key);
        header.Text(set.Fingerprint);
        header.Number(set.VocabularySize);
        header.Number(rows);
        header.Number(set.Count);
        header.Byte((byte)(set.Rows.IsEmpty ? 0 : 1));
        header.Long(set.Bytes.Length);
        header.Number(counts.TruncatedRows);
        header.Number(counts.FirstTruncatedRow);
        header.Long(counts.TruncatedTokens);
        header.Number(counts.DroppedRows);
        header.Number(counts.PrefixMismatches);
        header.Number(counts.UnusedAssistantMasks);
        header.Long(counts.MinBos ?? -1);
        header.Long(counts.MaxBos ?? -1);
        header.Number(counts.WithEndOfTurn);
        header.Number(counts.EndOfTurnTrained);
        header.Number(counts.EndOfText);
        header.Number(counts.LostEnds);
        header.Number(counts.Longest);
        header.Number(counts.UnreadKeys.Count);
        foreach (string line in counts.UnreadKeys) header.Text(line);
        RowBytes.Write(header, firstRow);
        return header;
    }

    /// <summary>A file while it is read.</summary>
    private sealed class Reading(FileStream file)
    {
        private readonly XxHash128 _hash = new();
        private readonly long _length = file.Length;
        private long _read;

        public (ExampleSet, DataRow)? Read(string key, int vocabularySize, long memoryBytes)
        {
            if (!Take(Magic.Length).AsSpan().SequenceEqual(Magic)) return null;
            int headerBytes = BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
            if (headerBytes is < 1 or > MaxHeaderBytes) return null;
            var header = new ByteSource(Take(headerBytes));
            if (header.Text() != key) return null;
            string fingerprint = header.Text();
            if (header.Int() != vocabularySize) return null;
            int rows = header.Int(), count = header.Int();
            bool hasRows = header.Byte() != 0;
            long tokenBytes = header.Long();
            var counts = Counts(ref header);
            var firstRow = RowBytes.Read(header.Rest, new("kept tokens", "row", 1));

            long numbers = (long)count * (hasRows ? NumbersOfAnExample + 1 : NumbersOfAnExample) * sizeof(int);
            if (count > rows || tokenBytes < 0 || _read + numbers + tokenBytes + HashBytes != _length) return null;
            int[] lengths = Numbers(count), trained = Numbers(count), ofRows = Numbers(hasRows ? count : 0);
            long[] ends = Ends(Numbers(count), lengths, new TokenWidth(vocabularySize).Bytes);
            if (count > 0 && ends[^1] != tokenBytes) return null;
            for (int i = 0; i < count; i++)
            {
                if (trained[i] < 0 || trained[i] >= lengths[i]) return null;
                if (hasRows && (ofRows[i] >= rows || ofRows[i] <= (i == 0 ? -1 : ofRows[i - 1]))) return null;
            }

            var bytes = Tokens(tokenBytes, memoryBytes);
            byte[] hash = _hash.GetCurrentHash();
            if (!Take(HashBytes).AsSpan().SequenceEqual(hash)) return null;
            var set = new ExampleSet(bytes, vocabularySize, lengths, trained, ends, hasRows ? ofRows : null)
            {
                Counts = counts,
                Fingerprint = fingerprint,
            };
            return (set, firstRow);
        }

        private static ExampleCounts Counts(ref ByteSource header)
        {
            var counts = new ExampleCounts
            {
                TruncatedRows = header.Int(),
                FirstTruncatedRow = header.Int(),
                TruncatedTokens = header.Long(),
                DroppedRows = header.Int(),
                PrefixMismatches = header.Int(),
                UnusedAssistantMasks = header.Int(),
                MinBos = header.Long() is >= 0 and var min ? (int)min : null,
                MaxBos = header.Long() is >= 0 and var max ? (int)max : null,
                WithEndOfTurn = header.Int(),
                EndOfTurnTrained = header.Int(),
                EndOfText = header.Int(),
                LostEnds = header.Int(),
                Longest = header.Int(),
            };
            string[] lines = new string[header.Count()];
            for (int i = 0; i < lines.Length; i++) lines[i] = header.Text();
            counts.UnreadKeys = lines;
            return counts;
        }

        private static long[] Ends(int[] bytes, int[] lengths, int width)
        {
            long[] ends = new long[bytes.Length];
            long end = 0;
            for (int i = 0; i < ends.Length; i++)
            {
                if (lengths[i] < 1 || bytes[i] < (long)lengths[i] * width) throw ByteSource.Damaged();
                ends[i] = end += bytes[i];
            }

            return ends;
        }

        /// <summary>All tokens are hashed; only a few stay in memory.</summary>
        private ByteStore Tokens(long tokenBytes, long memoryBytes)
        {
            var kept = tokenBytes <= memoryBytes ? new ByteStore(long.MaxValue, folder: null) : null;
            long start = _read;
            byte[] buffer = new byte[BufferBytes];
            for (long left = tokenBytes; left > 0;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
                Take(part);
                kept?.Append(part);
                left -= part.Length;
            }

            return kept ?? ByteStore.OfFile(file, start, tokenBytes);
        }

        private int[] Numbers(int count)
        {
            int[] numbers = new int[count];
            Take(MemoryMarshal.AsBytes(numbers.AsSpan()));
            return numbers;
        }

        private byte[] Take(int count)
        {
            if (count > _length - _read) throw new EndOfStreamException();
            byte[] bytes = new byte[count];
            Take(bytes);
            return bytes;
        }

        private void Take(Span<byte> bytes)
        {
            file.ReadExactly(bytes);
            _read += bytes.Length;
            _hash.Append(bytes);
        }
    }
}
