using System.Globalization;
using System.Numerics;
using Lapidary.Formats;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training;

/// <summary>Keeps some rows of a data set by their columns: "sql_complexity=basic SQL", "score&gt;=0.5", "language!=de",
/// "sql_context~CREATE TABLE". Other rows are left out and counted.</summary>
/// <remarks>= and != compare texts, numbers and booleans. &lt;, &lt;=, &gt; and &gt;= compare numbers, or texts by character codes if the
/// filter's value is not a number. ~ searches for a part of a text, case-sensitive. If the filter's value is a number, texts of the column
/// are read as numbers. An empty value after = means null and the empty text. Null is neither less nor greater than any value and contains
/// nothing.</remarks>
public sealed class RowFilter
{
    private static readonly string[] Operators = ["!=", "<=", ">=", "=", "<", ">", "~"];

    private readonly Func<IReadOnlyDictionary<string, object?>, bool>? _predicate;
    private readonly string _operator = "", _value = "";
    private readonly double? _number;

    /// <summary>Keeps the rows for which a function returns true.</summary>
    /// <param name="keep">Receives the columns' values by name: null, string, bool, long, BigInteger, double, lists and dictionaries of
    /// them.</param>
    public RowFilter(Func<IReadOnlyDictionary<string, object?>, bool> keep)
    {
        ArgumentNullException.ThrowIfNull(keep);
        _predicate = keep;
    }

    private RowFilter(string column, string comparison, string value)
    {
        (Column, _operator, _value) = (column, comparison, value);
        if (TryNumber(value, out double number)) _number = number;
    }

    /// <summary>The column that it checks; null for a function.</summary>
    internal string? Column { get; }

    /// <summary>Parses COLUMN OPERATOR VALUE; white space around the operator is ignored.</summary>
    /// <exception cref="LapidaryException">The operator or the column is missing.</exception>
    public static RowFilter Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.AsSpan().IndexOfAny("=!<>~");
        string? comparison = at > 0 ? Array.Find(Operators, sign => text.AsSpan(at).StartsWith(sign)) : null;
        string column = comparison is null ? "" : text[..at].Trim();
        return column.Length > 0
            ? new(column, comparison!, text[(at + comparison!.Length)..].Trim())
            : throw new LapidaryException(
                $"Filter \"{text}\": expected a column, one of = != < <= > >= ~ and a value, such as language=en, "
                + "found none of that form.");
    }

    /// <inheritdoc/>
    public override string ToString() => _predicate is null ? $"{Column}{_operator}{_value}" : "function";

    /// <summary>Whether a row is kept.</summary>
    /// <exception cref="LapidaryException">The column's value cannot be compared.</exception>
    internal bool Keeps(DataRecord record)
    {
        if (_predicate is not null) return _predicate(record.Columns);
        object? value = record.Columns.GetValueOrDefault(Column!);
        if (value is null) return _operator switch { "=" => _value.Length == 0, "!=" => _value.Length > 0, _ => false };
        if (_operator == "~")
            return value is string text ? text.Contains(_value, StringComparison.Ordinal) : throw Wrong(record, "a text", value);
        if (value is bool flag)
        {
            bool same = string.Equals(flag ? "true" : "false", _value, StringComparison.OrdinalIgnoreCase);
            return _operator switch { "=" => same, "!=" => !same, _ => throw Wrong(record, "a number or a text", value) };
        }

        return Compare(record, value) is { } order && _operator switch
        {
            "=" => order == 0,
            "!=" => order != 0,
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    /// <summary>Negative if the row's value is smaller than the filter's; null if they have no order (such as NaN) and are not
    /// equal.</summary>
    private int? Compare(DataRecord record, object value)
    {
        bool isOrder = _operator is not ("=" or "!=");
        switch (value)
        {
            case string text when _number is { } number && TryNumber(text, out double read):
                return read.CompareTo(number);
            case string when _number is not null && isOrder:
                throw Wrong(record, "a number", value);
            case string text:
                return string.CompareOrdinal(text, _value);
            case long or BigInteger or double:
                if (_number is not { } other) return isOrder ? throw Wrong(record, "a text", value) : 1;
                double own = value switch { long whole => whole, BigInteger large => (double)large, _ => (double)value };
                return double.IsNaN(own) ? (_operator == "!=" ? 1 : null) : own.CompareTo(other);
            default:
                throw Wrong(record, "a text, a number or a boolean", value);
        }
    }

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    private LapidaryException Wrong(DataRecord record, string expected, object value) => record.Origin.Error(
        $"expected {expected} in \"{Column}\" for the filter {ToString()}, found {DataRecord.Describe(value)}.");
}
