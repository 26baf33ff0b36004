using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>Values of a row's columns as JSON.</summary>
internal static class ColumnJson
{
    /// <summary>Writes a value; a number that JSON cannot represent becomes null.</summary>
    public static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case string text: json.WriteStringValue(text); break;
            case double number: json.WriteRawValue(double.IsFinite(number) ? PythonFloat.Repr(number) : "null"); break;
            case long or BigInteger: json.WriteRawValue(Convert.ToString(value, CultureInfo.InvariantCulture)!); break;
            case IReadOnlyDictionary<string, object?> fields:
                json.WriteStartObject();
                foreach (var (name, field) in fields)
                {
                    json.WritePropertyName(name);
                    Write(json, field);
                }

                json.WriteEndObject();
                break;
            case IEnumerable list:
                json.WriteStartArray();
                foreach (object? item in list) Write(json, item);
                json.WriteEndArray();
                break;
            default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }
}
