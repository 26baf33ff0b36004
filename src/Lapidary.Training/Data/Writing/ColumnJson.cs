using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Writing;

/// <summary>Values of a row's columns as JSON.</summary>
internal static class ColumnJson
{
    /// <summary>Writes a value, as a data record has it. A number that JSON cannot represent becomes null, and bytes become
    /// Base64.</summary>
    public static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case string text: json.WriteStringValue(text); break;
            case double number: json.WriteRawValue(double.IsFinite(number) ? PythonFloat.Repr(number) : "null"); break;
            case long or BigInteger: json.WriteRawValue(Convert.ToString(value, CultureInfo.InvariantCulture)!); break;
            case Unreadable { Plain: { } plain }: Write(json, plain); break;
            case byte[] bytes: json.WriteBase64StringValue(bytes); break;
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
