using System.Globalization;
using System.Text.Json;
using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A value within a JSON schema, and where it stands.</summary>
/// <param name="Json">The value.</param>
/// <param name="Pointer">Its JSON pointer, such as #/properties/age.</param>
internal readonly record struct SchemaPlace(JsonElement Json, string Pointer)
{
    /// <summary>Characters of a value in a message.</summary>
    public const int LongestValue = 100;

    private const int LongestPlace = 200;

    /// <summary>A value in it; null if it is missing.</summary>
    public SchemaPlace? Get(string name) => Json.TryGetProperty(name, out var value) ? new(value, Below(name)) : null;

    /// <summary>The values of an object by name.</summary>
    public IReadOnlyList<(string Name, SchemaPlace Value)> Members()
    {
        if (Json.ValueKind != JsonValueKind.Object) throw Wrong("an object");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var members = new List<(string, SchemaPlace)>();
        foreach (var member in Json.EnumerateObject())
        {
            var place = new SchemaPlace(member.Value, Below(member.Name));
            members.Add(names.Add(member.Name) ? (member.Name, place) : throw place.Error("found twice; write it once"));
        }

        return members;
    }

    /// <summary>The values of a list.</summary>
    public IReadOnlyList<SchemaPlace> Items()
    {
        if (Json.ValueKind != JsonValueKind.Array) throw Wrong("a list");
        string pointer = Pointer;
        return [.. Json.EnumerateArray().Select((item, i) => new SchemaPlace(item, $"{pointer}/{i}"))];
    }

    /// <summary>The text.</summary>
    public string Text() => Json.ValueKind == JsonValueKind.String ? Json.GetString()! : throw Wrong("a text");

    /// <summary>The number; one beyond all that are written as one of 22 digits.</summary>
    public decimal Number()
    {
        if (Json.ValueKind != JsonValueKind.Number) throw Wrong("a number");
        const decimal most = 1e21m;
        return Json.TryGetDecimal(out decimal number) ? Math.Clamp(number, -most, most) : Json.GetDouble() > 0 ? most : -most;
    }

    /// <summary>A number of things in a value; null if it is missing.</summary>
    public int? Count(string name)
    {
        if (Get(name) is not { } place) return null;
        decimal number = place.Number();
        if (number < 0 || number != Math.Floor(number)) throw place.Wrong("a whole number of at least 0");
        return (int)Math.Min(number, int.MaxValue);
    }

    /// <summary>The value that a pointer of the whole schema names; null if there is none.</summary>
    public SchemaPlace? Find(string pointer)
    {
        var found = Json;
        foreach (string step in pointer.Split('/').Skip(1))
        {
            string name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (found.ValueKind == JsonValueKind.Array && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                && index < found.GetArrayLength())
                found = found[index];
            else if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found)) return null;
        }

        return new(found, pointer);
    }

    /// <summary>The error for a value of another kind.</summary>
    public LapidaryException Wrong(string expected) =>
        Error($"expected {expected}, found {Printable.Line(Json.GetRawText(), LongestValue)}; correct the schema");

    /// <summary>An error at this place.</summary>
    /// <param name="what">What is wrong, and what to do.</param>
    public LapidaryException Error(string what) =>
        new($"JSON schema: ${Printable.Line(Pointer[1..].Replace('/', '.'), LongestPlace)}: {what}.");

    private string Below(string name) =>
        $"{Pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
}
