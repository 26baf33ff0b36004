using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Lapidary.Cli.Data;

/// <summary>What a column holds.</summary>
/// <param name="name">Its name.</param>
internal sealed class ColumnFacts(string name)
{
    private readonly Dictionary<string, long> _types = [];
    private readonly Lengths _lengths = new();
    private long _values;

    public string Name => name;

    /// <summary>Number of values that are not null.</summary>
    public long Values => _values;

    /// <summary>"text", or "integer and text".</summary>
    public string Types => _types.Count == 0
        ? "null"
        : string.Join(" and ", _types.OrderByDescending(pair => pair.Value).Select(pair => pair.Key));

    /// <summary>Lengths of texts and lists; empty if there are none.</summary>
    public Lengths Lengths => _lengths;

    /// <summary>Adds a row's value.</summary>
    public void Add(object? value)
    {
        if (value is null) return;
        _values++;
        string type = TypeOf(value);
        _types[type] = _types.GetValueOrDefault(type) + 1;
        if (value is string text) _lengths.Add(text.Length);
        else if (value is Array list) _lengths.Add(list.Length);
    }

    /// <summary>The share of rows without a value.</summary>
    public double NullShare(long rows) => rows == 0 ? 0 : (double)(rows - _values) / rows;

    /// <summary>A line for people.</summary>
    public string Line(long rows, int nameWidth, int typeWidth)
    {
        string nulls = NullShare(rows).ToString("P1", CultureInfo.InvariantCulture);
        string lengths = _lengths.Count > 0 ? $"  {_lengths}" : "";
        return $"{name.PadRight(nameWidth)}  {Types.PadRight(typeWidth)}  null {nulls}{lengths}".TrimEnd();
    }

    /// <summary>Writes an object.</summary>
    public void Write(Utf8JsonWriter json, long rows)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteStartObject("types");
        foreach (var (type, count) in _types) json.WriteNumber(type, count);
        json.WriteEndObject();
        json.WriteNumber("nulls", rows - _values);
        json.WriteNumber("null_share", NullShare(rows));
        if (_lengths.Count > 0) _lengths.Write(json, "length");
        json.WriteEndObject();
    }

    private static string TypeOf(object value) => value switch
    {
        string => "text",
        bool => "boolean",
        long or BigInteger => "integer",
        double => "number",
        IReadOnlyDictionary<string, object?> => "object",
        IEnumerable => "list",
        _ => "unreadable",
    };
}
