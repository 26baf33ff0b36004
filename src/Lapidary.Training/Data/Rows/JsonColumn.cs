using System.Text;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Columns of lists and objects. Tables of strings (CSV, some Parquet files) hold them as JSON text, which is parsed
/// here.</summary>
internal static class JsonColumn
{
    /// <summary>The column's value; null if it is empty.</summary>
    public static object? Read(DataRecord record, string column)
    {
        object? value = record.Column(column);
        if (value is not string json) return value;
        if (json.Length == 0) return null;
        try
        {
            return JsonValue.Parse(Encoding.UTF8.GetBytes(json));
        }
        catch (JsonFaultException error)
        {
            throw record.Origin.Error(
                IsPython(json)
                    ? $"expected JSON text in \"{column}\", found a list or dictionary as Python prints it; write it with json.dumps."
                    : $"expected a list (or its JSON text) in \"{column}\", found a string that is not JSON: {error.Fault} of the string.",
                error);
        }
    }

    /// <summary>The column's value; null if the column does not exist.</summary>
    public static object? ReadIfThere(DataRecord record, string column) =>
        record.Columns.ContainsKey(column) ? Read(record, column) : null;

    /// <summary>Python's str(), which pandas writes into tables, puts strings in single quotes.</summary>
    private static bool IsPython(string text) =>
        text.TrimStart() is ['[' or '{' or '(', ..]
        && (text.Contains('\'', StringComparison.Ordinal) || text.Contains("array(", StringComparison.Ordinal));
}
