using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.Formats.Files;

/// <summary>An object of a configuration file with typed, checked access to its keys. As in transformers' files, null means
/// absent.</summary>
internal sealed class JsonSection(string path, JsonObject json, string prefix = "")
{
    private const string NextStep = "correct the file or download it again";

    /// <summary>The file, for messages.</summary>
    public string Path => path;

    /// <summary>The object itself.</summary>
    public JsonObject Json => json;

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(string key) => json[key] is not null;

    /// <summary>A whole number within limits; "256.0" counts as one.</summary>
    public int Int(string key, int fallback, int min, int max)
    {
        if (!Has(key)) return fallback;
        return Double(json[key]) is { } value && value == Math.Floor(value) && value >= min && value <= max
            ? (int)value
            : throw Error(key, $"a whole number from {min} to {max}");
    }

    /// <summary>A number above zero for computation in fp32: its root, its reciprocal and products of such numbers stay finite and above
    /// zero there.</summary>
    public double Positive(string key, double fallback) => Has(key) ? Number(key, fallback, 1e-15, 1e15) : fallback;

    /// <summary>A finite number within limits.</summary>
    public double Number(string key, double fallback, double min, double max)
    {
        if (!Has(key)) return fallback;
        return Double(json[key]) is { } value && value >= min && value <= max
            ? value
            : throw Error(
                key, $"a number from {min.ToString(CultureInfo.InvariantCulture)} to {max.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool fallback) => json[key]?.GetValueKind() switch
    {
        null => fallback,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error(key, "true or false"),
    };

    /// <summary>A string, or null.</summary>
    public string? Text(string key) => json[key] is not { } node ? null : String(node) ?? throw Error(key, "a string");

    /// <summary>An object, or null.</summary>
    public JsonSection? Section(string key) => json[key] switch
    {
        null => null,
        JsonObject child => new JsonSection(path, child, $"{prefix}{key}."),
        _ => throw Error(key, "an object"),
    };

    /// <summary>One string or a list of strings, or null.</summary>
    public IReadOnlyList<string>? Texts(string key) => json[key] switch
    {
        null => null,
        JsonArray list => [.. list.Select(item => String(item) ?? throw Error(key, "a list of strings"))],
        var node => [String(node) ?? throw Error(key, "a string or a list of strings")],
    };

    /// <summary>One whole number or a list of them, or null.</summary>
    public IReadOnlyList<int>? Ints(string key, int min, int max)
    {
        int Check(JsonNode? node) => Double(node) is { } value && value == Math.Floor(value) && value >= min && value <= max
            ? (int)value
            : throw Error(key, $"whole numbers from {min} to {max}");
        return json[key] switch
        {
            null => null,
            JsonArray list => [.. list.Select(Check)],
            var node => [Check(node)],
        };
    }

    /// <summary>The error for a key with an unexpected value: "path: key: expected …, found …; next step."</summary>
    public LapidaryException Error(string key, string expected, string nextStep = NextStep) =>
        new($"{path}: {prefix}{FileErrors.OneLine(key)}: expected {expected}, found {Describe(json[key])}; {nextStep}.");

    /// <summary>The JSON text of a value, cut to fit a message.</summary>
    public static string Describe(JsonNode? node) => node is null ? "nothing" : FileErrors.OneLine(node.ToJsonString());

    private static double? Double(JsonNode? node) => node is JsonValue value && value.TryGetValue(out double number) ? number : null;

    private static string? String(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
