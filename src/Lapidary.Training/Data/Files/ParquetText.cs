using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Unicode;
using Parquet.Data;
using Parquet.Meta;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>Handles text columns. The library would replace invalid UTF-8 with replacement characters, so training would use other texts
/// than the file. Therefore the library is not told that these columns are text.</summary>
internal static class ParquetText
{
    private static readonly Unreadable NoUtf8 = new("bytes that are no UTF-8; write the file again");

    // Marks are kept on the elements themselves, because fields refer to them.
    private static readonly ConditionalWeakTable<SchemaElement, object> Marked = [];

    /// <summary>Marks text columns and hides that they are text; call it before the schema is built from the elements.</summary>
    public static void Mark(IEnumerable<SchemaElement> elements)
    {
        foreach (var element in elements)
        {
            bool isText = element.ConvertedType is ConvertedType.UTF8 or ConvertedType.ENUM or ConvertedType.JSON
                || element.LogicalType is { STRING: not null } or { ENUM: not null } or { JSON: not null };
            if (!isText || element.Type != Parquet.Meta.Type.BYTE_ARRAY) continue;
            (element.ConvertedType, element.LogicalType) = (null, null);
            Marked.Add(element, element);
        }
    }

    public static bool IsText(DataField field) => field.SchemaElement is { } element && Marked.TryGetValue(element, out _);

    /// <summary>The text, or a placeholder if it is not valid.</summary>
    public static object Read(ReadOnlyMemory<byte> bytes) =>
        Utf8.IsValid(bytes.Span) ? System.Text.Encoding.UTF8.GetString(bytes.Span) : NoUtf8;

    /// <summary>Whether the values mean something other than their stored type.</summary>
    public static bool IsOther(DataField field) => OtherType(field.SchemaElement) is not null;

    /// <summary>The type in Parquet's terms.</summary>
    public static string TypeName(DataField field) => OtherType(field.SchemaElement) ?? field.SchemaElement?.Type switch
    {
        Parquet.Meta.Type.BYTE_ARRAY => "binary",
        Parquet.Meta.Type.FIXED_LEN_BYTE_ARRAY => "fixed-length binary",
        _ => field.ClrType.Name,
    };

    private static string? OtherType(SchemaElement? element) => (element?.LogicalType, element?.ConvertedType) switch
    {
        ({ DECIMAL: not null }, _) or (_, ConvertedType.DECIMAL) => "decimal",
        ({ DATE: not null }, _) or (_, ConvertedType.DATE) => "date",
        ({ TIME: not null }, _) or (_, ConvertedType.TIME_MILLIS or ConvertedType.TIME_MICROS) => "time",
        ({ TIMESTAMP: not null }, _) or (_, ConvertedType.TIMESTAMP_MILLIS or ConvertedType.TIMESTAMP_MICROS) => "timestamp",
        (_, ConvertedType.INTERVAL) => "interval",
        (_, ConvertedType.BSON) or ({ BSON: not null }, _) => "bson",
        ({ UUID: not null }, _) => "uuid",
        ({ FLOAT16: not null }, _) => "float16",
        _ when element?.Type == Parquet.Meta.Type.INT96 => "timestamp",
        _ => null,
    };
}

/// <summary>Values whose types are neither text nor number: dates and times as ISO 8601 texts, decimals as numbers.</summary>
internal static class ParquetPlain
{
    private const string Date = "yyyy-MM-dd", Time = "HH:mm:ss.FFFFFFF";

    /// <summary>The values, each a long, double or string; null for other types.</summary>
    public static object?[]? Of(RawColumnData raw, DataField column) => raw switch
    {
        RawColumnData<DateTime> dates when ParquetText.TypeName(column) == "date" =>
            Convert(dates.Values, x => x.ToString(Date, Invariant)),
        RawColumnData<DateTime> times => Convert(times.Values, x => x.ToString($"{Date} {Time}", Invariant)),
        RawColumnData<DateTimeOffset> times => Convert(times.Values, x => x.UtcDateTime.ToString($"{Date} {Time}", Invariant)),
        RawColumnData<DateOnly> dates => Convert(dates.Values, x => x.ToString(Date, Invariant)),
        RawColumnData<TimeOnly> times => Convert(times.Values, x => x.ToString(Time, Invariant)),
        RawColumnData<int> times when ParquetText.TypeName(column) == "time" => Convert(times.Values, x => TimeOfDay(x, column)),
        RawColumnData<long> times when ParquetText.TypeName(column) == "time" => Convert(times.Values, x => TimeOfDay(x, column)),
        RawColumnData<TimeSpan> times => Convert(times.Values, x => x.ToString("c", Invariant)),
        RawColumnData<decimal> numbers => Convert(numbers.Values, Number),
        RawColumnData<Guid> ids => Convert(ids.Values, x => x.ToString()),
        RawColumnData<ReadOnlyMemory<byte>> bytes when !ParquetText.IsOther(column) => Convert(bytes.Values, x => x.ToArray()),
        _ => null,
    };

    private static CultureInfo Invariant => CultureInfo.InvariantCulture;

    private static object TimeOfDay(long value, DataField column)
    {
        var unit = column.SchemaElement?.LogicalType?.TIME?.Unit;
        bool isMilliseconds = unit?.MILLIS is not null || column.SchemaElement?.ConvertedType == ConvertedType.TIME_MILLIS;
        long ticks = isMilliseconds ? value * TimeSpan.TicksPerMillisecond
            : unit?.NANOS is not null ? value / TimeSpan.NanosecondsPerTick : value * TimeSpan.TicksPerMicrosecond;
        return ticks is >= 0 and < TimeSpan.TicksPerDay ? new TimeOnly(ticks).ToString(Time, Invariant) : value;
    }

    private static object Number(decimal value) =>
        decimal.IsInteger(value) && value is >= long.MinValue and <= long.MaxValue ? (long)value : (double)value;

    private static object?[] Convert<T>(ReadOnlySpan<T> values, Func<T, object> convert)
    {
        object?[] result = new object?[values.Length];
        for (int i = 0; i < result.Length; i++) result[i] = convert(values[i]);
        return result;
    }
}
