using System.Collections;
using System.Diagnostics.CodeAnalysis;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>The columns of one row group, each read when it is first requested. An unused column costs nothing and may have any type, or
/// even be damaged.</summary>
internal sealed class ParquetColumns
{
    /// <summary>The most rows of a group: writers make groups of thousands to a million.</summary>
    private const int MaxRows = 1 << 26;

    private readonly Dictionary<string, Field> _fields = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object?[]> _values = new(StringComparer.Ordinal);
    private readonly ParquetRowGroupReader _group;
    private readonly ParquetPages _pages;
    private readonly string _file;

    public ParquetColumns(ParquetSchema schema, ParquetRowGroupReader group, ParquetPages pages, string file)
    {
        (_group, _pages, _file) = (group, pages, file);
        if (group.RowCount is < 0 or > MaxRows)
            throw new LapidaryException($"{file}: expected groups of at most {MaxRows} rows, found {group.RowCount}; write it again.");
        Rows = (int)group.RowCount;
        foreach (var field in schema.Fields)
        {
            if (!_fields.TryAdd(field.Name, field))
            {
                throw new LapidaryException(
                    $"{file}: expected each column name once, found \"{FileErrors.OneLine(field.Name)}\" twice; rename one.");
            }
        }
    }

    public int Rows { get; }

    public IReadOnlyCollection<string> Names => _fields.Keys;

    public bool TryGet(string name, int row, out object? value)
    {
        value = null;
        if (!_values.TryGetValue(name, out object?[]? values))
        {
            if (!_fields.TryGetValue(name, out var field)) return false;
            values = ParquetErrors.Try(() => ParquetNode.Create(field).ReadColumn(_group, _pages, Rows), _file);
            _values[name] = values;
        }

        value = values[row];
        return true;
    }
}

/// <summary>One row's columns.</summary>
internal sealed class ParquetRow(ParquetColumns columns, int row) : IReadOnlyDictionary<string, object?>
{
    public IEnumerable<string> Keys => columns.Names;

    public IEnumerable<object?> Values => Keys.Select(name => this[name]);

    public int Count => columns.Names.Count;

    public object? this[string key] => columns.TryGet(key, row, out object? value) ? value : throw new KeyNotFoundException(key);

    public bool ContainsKey(string key) => columns.Names.Contains(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object? value) => columns.TryGet(key, row, out value);

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() =>
        Keys.Select(name => KeyValuePair.Create(name, this[name])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
