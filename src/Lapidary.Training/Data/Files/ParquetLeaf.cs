using System.Numerics;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>One leaf column of a row group: reads its values and levels entry by entry.</summary>
internal sealed class ParquetLeaf(DataField column)
{
    /// <summary>The most entries of a column in a group; their levels are read at once.</summary>
    private const long MaxEntries = 1 << 28;

    private object?[] _values = [];
    private int[]? _definitions, _repetitions;
    private Unreadable? _unreadable;
    private int _count, _at, _nextValue;

    public string Name => column.Path.ToString();

    public bool IsAtEnd => _at == _count;

    /// <summary>The definition level of the next entry.</summary>
    public int Definition => _at < _count ? _definitions?[_at] ?? column.MaxDefinitionLevel : throw TooShort();

    /// <summary>Whether the next entry exists and continues the same list.</summary>
    public bool Continues(int repetition) => _at < _count && _repetitions is not null && _repetitions[_at] >= repetition;

    /// <summary>The next entry's value, or null.</summary>
    public object? Next()
    {
        bool isThere = Definition == column.MaxDefinitionLevel;
        _at++;
        if (!isThere) return null;
        if (_unreadable is not null) return _nextValue < _values.Length ? _unreadable with { Plain = _values[_nextValue++] } : _unreadable;
        return _nextValue < _values.Length ? _values[_nextValue++] : throw TooShort();
    }

    public void Skip()
    {
        if (Definition == column.MaxDefinitionLevel) throw new InvalidDataException($"column {Name} has levels that do not fit together");
        _at++;
    }

    /// <summary>Reads the column.</summary>
    public void Load(ParquetRowGroupReader group, ParquetPages pages)
    {
        var chunk = group.GetMetadata(column)?.MetaData ?? throw new InvalidDataException($"column {Name} is not there");
        if (chunk.NumValues is < 0 or > MaxEntries) throw new InvalidDataException($"column {Name} claims {chunk.NumValues} values");
        // The column's first byte for the library: the first of the offsets given.
        long[] offsets = [chunk.DataPageOffset, chunk.DictionaryPageOffset ?? 0, chunk.IndexPageOffset ?? 0];
        pages.Enter(offsets.Where(offset => offset != 0).DefaultIfEmpty().Min(), chunk.TotalCompressedSize, chunk.NumValues);
        using var raw = group.ReadRawColumnDataBaseAsync(column).AsTask().GetAwaiter().GetResult();

        // The library throws if levels are requested that this kind of column does not have.
        _definitions = column.MaxDefinitionLevel > 0 ? raw.DefinitionLevels.ToArray() : null;
        _repetitions = column.MaxRepetitionLevel > 0 ? raw.RepetitionLevels.ToArray() : null;
        if (Values(raw) is { } values)
        {
            _values = values;
        }
        else
        {
            _unreadable = new($"type {ParquetText.TypeName(column)}, which has no text of its own; write the column as strings");
            _values = ParquetPlain.Of(raw, column) ?? [];
        }

        _count = _definitions?.Length ?? (_unreadable is null ? _values.Length : (int)chunk.NumValues);
    }

    private object?[]? Values(RawColumnData raw) => raw switch
    {
        _ when ParquetText.IsOther(column) => null,
        RawColumnData<ReadOnlyMemory<byte>> text when ParquetText.IsText(column) => Convert(text.Values, ParquetText.Read),
        RawColumnData<ReadOnlyMemory<char>> text => Convert(text.Values, x => x.ToString()),
        RawColumnData<bool> flags => Convert(flags.Values, x => x),
        RawColumnData<long> integers => Convert(integers.Values, x => x),
        RawColumnData<int> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<short> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<sbyte> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<byte> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<ushort> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<uint> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<ulong> integers => Convert(integers.Values, x => x <= long.MaxValue ? (long)x : new BigInteger(x)),
        RawColumnData<double> numbers => Convert(numbers.Values, x => x),
        RawColumnData<float> numbers => Convert(numbers.Values, x => (double)x),
        _ => null,
    };

    private static object?[] Convert<T>(ReadOnlySpan<T> values, Func<T, object> convert)
    {
        object?[] result = new object?[values.Length];
        for (int i = 0; i < result.Length; i++) result[i] = convert(values[i]);
        return result;
    }

    private InvalidDataException TooShort() => new($"column {Name} ends early");
}
