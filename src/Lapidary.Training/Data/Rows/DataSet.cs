using System.Collections;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training;

/// <summary>Rows in the order of their files; immutable. The rows are stored as bytes, above a size limit in a temporary file, and each row
/// is decoded when it is requested.</summary>
public sealed partial class DataSet
{
    private readonly RowSource _source;

    /// <summary>[i]: the source's row number of row i; null for the original order.</summary>
    private readonly int[]? _order;

    /// <summary>Takes existing rows. Errors name rows made in memory by their number.</summary>
    /// <remarks>The rows stay in memory, and their tokens are not stored for later runs.</remarks>
    public DataSet(IEnumerable<DataRow> rows)
        : this(new MemoryRows(
            [.. rows.Select((row, i) => row.Origin == default ? row with { Origin = new("data set", "row", i + 1) } : row)]))
    {
    }

    /// <summary>Takes the rows of a source.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="options">Where derived data are stored; null for the defaults.</param>
    /// <param name="order">The row numbers to take, in order; null for all.</param>
    internal DataSet(RowSource source, DataSetOptions? options = null, int[]? order = null)
    {
        (_source, _order) = (source, order);
        Options = options ?? new();
        Rows = new RowList(this);
    }

    /// <summary>The rows in order. A row from a file is decoded each time it is requested.</summary>
    public IReadOnlyList<DataRow> Rows { get; }

    /// <summary>Number of rows.</summary>
    public int Count => _order?.Length ?? _source.Count;

    /// <summary>Where derived data are stored.</summary>
    internal DataSetOptions Options { get; }

    /// <summary>Approximate bytes of the rows; 0 for rows in memory.</summary>
    internal long ContentBytes => _source.Count == 0 ? 0 : (long)((double)_source.ContentBytes * Count / _source.Count);

    /// <summary>One row; thread-safe.</summary>
    internal DataRow Read(int row) => _source.Read(_order is null ? row : _order[row]);

    /// <summary>Identifies the rows and their order; null if unknown, as for rows in memory.</summary>
    internal string? ContentHash() => _source.ContentHash is not { } content ? null
        : _order is null ? content
        : HashText.Of([content, Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes<int>(_order)))]);

    /// <summary>The data set, of those that <see cref="Join"/> combined, that a row came from, regardless of later operations; 0 if none
    /// were combined.</summary>
    internal int PartOf(int row) => _source is JoinedRows joined ? joined.SourceOf(_order is null ? row : _order[row]) : 0;

    /// <summary>The rows of several data sets, one after the other.</summary>
    internal static DataSet Join(IReadOnlyList<DataSet> parts)
    {
        var sources = parts.Select(part => part._source).ToList();
        int[] starts = new int[sources.Count + 1];
        for (int i = 0; i < sources.Count; i++) starts[i + 1] = checked(starts[i] + sources[i].Count);
        int[] order = new int[parts.Sum(part => part.Count)];
        int next = 0, number = 0;
        foreach (var part in parts)
        {
            int start = starts[number++];
            for (int i = 0; i < part.Count; i++) order[next++] = start + (part._order is null ? i : part._order[i]);
        }

        return new(new JoinedRows(sources), parts[0].Options, order);
    }

    /// <summary>Some of the rows.</summary>
    internal DataSet Pick(int[] rows) => new(_source, Options, _order is null ? rows : Array.ConvertAll(rows, row => _order[row]));

    /// <summary>The rows in an order that depends only on the seed: Fisher–Yates over SplitMix64, fixed for all versions.</summary>
    public DataSet Shuffle(long seed)
    {
        int[] order = Order();
        new StableRandom((ulong)seed).Shuffle(order.AsSpan());
        return new(_source, Options, order);
    }

    /// <summary>The first rows.</summary>
    /// <exception cref="LapidaryException">The data set has fewer rows, or the count is not positive.</exception>
    public DataSet Select(int count)
    {
        if (count < 1 || count > Count)
        {
            throw new LapidaryException(
                $"Select: expected 1 to {Count} rows, as the data set has no more, found {count}; set select to {Count}.");
        }

        return new(_source, Options, Order()[..count]);
    }

    /// <summary>Shuffles as <see cref="Shuffle"/> does, then splits: the first rows are the test set, the others the training
    /// set.</summary>
    /// <param name="testSize">Rows of the test set if 1 or more, else their share of all rows, rounded up.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="LapidaryException">One of the sets would be empty, or a count is not a whole number.</exception>
    public (DataSet Train, DataSet Test) TrainTestSplit(double testSize, long seed)
    {
        // The small subtraction keeps 0.07 · 100 = 7.000000000000001 from becoming 8.
        double count = testSize < 1 ? Math.Ceiling((testSize * Count) - 1e-9) : testSize;
        if (!(count >= 1 && count < Count) || count != Math.Floor(count))
        {
            throw new LapidaryException(
                $"Train-test split of {Amount.Of(Count, "row")}: expected a share below 1 or a whole number from 1 to "
                + $"{Count - 1}, found {testSize}.");
        }

        int[] shuffled = Shuffle(seed)._order!;
        return (new(_source, Options, shuffled[(int)count..]), new(_source, Options, shuffled[..(int)count]));
    }

    private int[] Order() => _order is null ? [.. Enumerable.Range(0, Count)] : [.. _order];

    /// <summary>The rows as a list that decodes a row when it is requested.</summary>
    private sealed class RowList(DataSet data) : IReadOnlyList<DataRow>
    {
        public int Count => data.Count;

        public DataRow this[int index] =>
            (uint)index < (uint)data.Count ? data.Read(index) : throw new ArgumentOutOfRangeException(nameof(index));

        public IEnumerator<DataRow> GetEnumerator()
        {
            for (int i = 0; i < data.Count; i++) yield return data.Read(i);
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
