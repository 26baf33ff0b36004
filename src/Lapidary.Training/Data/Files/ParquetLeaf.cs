using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>One leaf column of a row group as its values and levels, from which rows or lists are put together.</summary>
/// <remarks>Source: Melnik et al., "Dremel: interactive analysis of web-scale datasets", 2010: repetition level 0 starts a row; an entry
/// whose definition level is below the maximum is null, or stands for an empty list.</remarks>
internal sealed class ParquetLeaf
{
    private readonly string _name;
    private readonly int _maxDefinition;
    private readonly object?[] _values;
    private readonly int[]? _definitions, _repetitions;

    private ParquetLeaf(DataField field, object?[] values, RawColumnData raw)
    {
        _name = field.Path.ToString();
        _maxDefinition = field.MaxDefinitionLevel;
        _values = values;
        // The library throws when levels are asked for that the column's kind has not.
        _definitions = field.MaxDefinitionLevel > 0 ? raw.DefinitionLevels.ToArray() : null;
        _repetitions = field.MaxRepetitionLevel > 0 ? raw.RepetitionLevels.ToArray() : null;
    }

    /// <summary>Reads a column, or gives null where its type is none that rows are made of.</summary>
    public static ParquetLeaf? Read(ParquetRowGroupReader group, DataField field)
    {
        if (!IsSupported(field.ClrType)) return null;
        using var raw = group.ReadRawColumnDataBaseAsync(field).AsTask().GetAwaiter().GetResult();
        return Values(raw) is { } values ? new(field, values, raw) : null;
    }

    /// <summary>One value, or null, per row.</summary>
    public object?[] AsRows(int rows)
    {
        CheckRows(_definitions?.Length ?? _values.Length, rows);
        object?[] result = new object?[rows];
        int next = 0;
        for (int i = 0; i < rows; i++)
        {
            if (_definitions is null || _definitions[i] == _maxDefinition) result[i] = _values[next++];
        }

        return result;
    }

    /// <summary>One list per row, as <see cref="DataRecord"/> holds lists; null for a null list.</summary>
    /// <param name="rows">Rows of the group.</param> <param name="elementDefinition">The definition level from which on there is an
    /// element.</param>
    public object?[] AsLists(int rows, int elementDefinition)
    {
        if (_definitions is null || _repetitions is null) throw new InvalidDataException($"column {_name} has no levels");
        CheckRows(_repetitions.Count(x => x == 0), rows);
        object?[] result = new object?[rows];
        List<object?> elements = [];
        int row = -1, next = 0;
        bool isNull = false;
        for (int i = 0; i < _definitions.Length; i++)
        {
            if (_repetitions[i] == 0)
            {
                if (row >= 0) result[row] = isNull ? null : List(elements);
                row++;
                elements.Clear();
                isNull = _definitions[i] < elementDefinition - 1;
            }

            if (_definitions[i] >= elementDefinition) elements.Add(_definitions[i] == _maxDefinition ? _values[next++] : null);
        }

        if (row >= 0) result[row] = isNull ? null : List(elements);
        return result;
    }

    private void CheckRows(int found, int rows)
    {
        if (found != rows) throw new InvalidDataException($"column {_name} has {found} rows instead of {rows}");
    }

    private static object List(List<object?> elements)
    {
        if (elements.Count == 0 || !elements.TrueForAll(x => x is long)) return elements.ToArray();
        return elements.ConvertAll(x => (long)x!).ToArray();
    }

    private static bool IsSupported(Type type) =>
        type == typeof(ReadOnlyMemory<char>) || type == typeof(string) || type == typeof(bool)
        || type == typeof(long) || type == typeof(int) || type == typeof(short) || type == typeof(sbyte)
        || type == typeof(byte) || type == typeof(ushort) || type == typeof(uint)
        || type == typeof(double) || type == typeof(float);

    private static object?[]? Values(RawColumnData raw) => raw switch
    {
        RawColumnData<ReadOnlyMemory<char>> text => Convert(text.Values, x => x.ToString()),
        RawColumnData<bool> flags => Convert(flags.Values, x => x),
        RawColumnData<long> integers => Convert(integers.Values, x => x),
        RawColumnData<int> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<short> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<sbyte> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<byte> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<ushort> integers => Convert(integers.Values, x => (long)x),
        RawColumnData<uint> integers => Convert(integers.Values, x => (long)x),
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
}
