using System.Text.Json;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>The fields of a JSON object in a request. A field that is null counts as missing; one of the wrong kind is the caller's mistake
/// and is named.</summary>
internal readonly struct RequestFields
{
    private readonly JsonElement _json;
    private readonly string _path;

    /// <param name="json">The object.</param>
    /// <param name="path">Its name in the request; empty for the request itself.</param>
    /// <exception cref="ApiException">It is no object.</exception>
    public RequestFields(JsonElement json, string path = "")
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw path.Length == 0
                ? ApiException.Wrong($"The body must be a JSON object, found {Found(json)}.") : Wrong(path, "an object", json);
        }

        (_json, _path) = (json, path);
    }

    /// <summary>A field's name in the whole request: "stream_options.include_usage".</summary>
    public string NameOf(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    /// <summary>A field of any kind; null if it is missing.</summary>
    public JsonElement? Get(string name)
    {
        try
        {
            return _json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Wrong("The body has a name that is not Unicode.");
        }
    }

    /// <summary>A text.</summary>
    public string? Text(string name) => Get(name) is { } value ? TextOf(value, NameOf(name)) : null;

    /// <summary>A text that must be there.</summary>
    public string Require(string name) => Text(name) ?? throw ApiException.Wrong(NameOf(name), "is missing.");

    /// <summary>A yes or no; a missing one is no.</summary>
    public bool Flag(string name) => Get(name) is { } value && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(NameOf(name), "true or false", value),
    };

    /// <summary>A whole number within limits.</summary>
    public int? Integer(string name, int minimum, int maximum)
    {
        if (Get(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= minimum && number <= maximum)
            return (int)number;
        throw Wrong(NameOf(name), $"a whole number from {minimum} to {maximum}", value);
    }

    /// <summary>A whole number.</summary>
    public long? Long(string name)
    {
        if (Get(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number)
            ? number : throw Wrong(NameOf(name), "a whole number of 64 bits", value);
    }

    /// <summary>A number within limits.</summary>
    public double? Number(string name, double minimum, double maximum)
    {
        if (Get(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= minimum && number <= maximum
            ? number : throw Wrong(NameOf(name), FormattableString.Invariant($"a number from {minimum} to {maximum}"), value);
    }

    /// <summary>An object.</summary>
    public RequestFields? Object(string name) => Get(name) is { } value ? new RequestFields(value, NameOf(name)) : null;

    /// <summary>A text or a list of texts; empty if it is missing.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (Get(name) is not { } value) return [];
        if (value.ValueKind == JsonValueKind.String) return [TextOf(value, NameOf(name))];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(NameOf(name), "a text or a list of texts", value);
        string path = NameOf(name);
        return [.. value.EnumerateArray().Select((item, i) => TextOf(item, $"{path}[{i}]"))];
    }

    /// <summary>The characters of a JSON text.</summary>
    /// <exception cref="ApiException">It is no text, or half of a character.</exception>
    public static string TextOf(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.String) throw Wrong(path, "a text", value);
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Wrong(path, "expected Unicode, found bytes or an escape that are half of a character.");
        }
    }

    /// <summary>The error for a value of another kind than expected.</summary>
    public static ApiException Wrong(string path, string expected, JsonElement found) =>
        ApiException.Wrong(path, $"expected {expected}, found {Found(found)}.");

    private static string Found(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => Http.Found.Of(value.GetRawText()),
    };
}
