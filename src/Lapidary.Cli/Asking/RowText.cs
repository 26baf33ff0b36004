using System.Globalization;
using System.Text;
using System.Text.Json;
using Lapidary.Formats.Files;
using Lapidary.TextToSql;
using Lapidary.Training.Data.Writing;

namespace Lapidary.Cli.Asking;

/// <summary>Rows for other programs.</summary>
internal static class RowText
{
    /// <summary>RFC 4180 with "\n"; NULL is an empty field, bytes are as SQL has them.</summary>
    public static string Csv(SqlResult result)
    {
        var text = new StringBuilder();
        Line(result.Columns);
        foreach (var row in result.Rows) Line(row.Select(Plain));
        return text.ToString();

        void Line(IEnumerable<string> fields) => text.AppendJoin(',', fields.Select(Field)).Append('\n');
    }

    /// <summary>A value as text.</summary>
    public static string Plain(object? value) => value switch
    {
        null => "",
        string text => text,
        double number => double.IsFinite(number) ? PythonFloat.Repr(number) : number.ToString(CultureInfo.InvariantCulture),
        byte[] bytes => $"x'{Convert.ToHexStringLower(bytes)}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>A list of objects; of columns with one name, the later ones get numbers.</summary>
    public static void WriteObjects(Utf8JsonWriter json, SqlResult result)
    {
        string[] names = Distinct(result.Columns);
        json.WriteStartArray();
        foreach (var row in result.Rows)
        {
            json.WriteStartObject();
            for (int i = 0; i < names.Length; i++)
            {
                json.WritePropertyName(names[i]);
                WriteValue(json, row[i]);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Columns and rows as lists; null and null without a result.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="result">The rows.</param>
    /// <param name="maxInteger">Integers beyond it become texts.</param>
    public static void WriteLists(Utf8JsonWriter json, SqlResult? result, long maxInteger = long.MaxValue)
    {
        if (result is null)
        {
            json.WriteNull("columns");
            json.WriteNull("rows");
            return;
        }

        json.WriteStartArray("columns");
        foreach (string column in result.Columns) json.WriteStringValue(column);
        json.WriteEndArray();
        json.WriteStartArray("rows");
        foreach (var row in result.Rows)
        {
            json.WriteStartArray();
            foreach (object? value in row)
                WriteValue(json, value is long integer && (integer > maxInteger || integer < -maxInteger) ? Plain(integer) : value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    /// <summary>Bytes and infinite numbers, for which JSON has nothing, become texts. SQLite has no NaN: it is NULL there.</summary>
    private static void WriteValue(Utf8JsonWriter json, object? value) => ColumnJson.Write(json, value switch
    {
        byte[] bytes => Plain(bytes),
        double number when !double.IsFinite(number) => Plain(number),
        string text => Whole(text),
        _ => value,
    });

    /// <summary>SQLite keeps texts that are no Unicode, which JSON cannot.</summary>
    private static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static string[] Distinct(IReadOnlyList<string> columns)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        return [.. columns.Select(column =>
        {
            string name = column;
            for (int number = 2; !taken.Add(name); number++) name = $"{column}_{number}";
            return name;
        })];
    }

    private static string Field(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 && text.Trim() == text
        ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
