using System.Text.Json;
using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>The kinds of values that a schema describes.</summary>
internal sealed partial class JsonSchemaReader
{
    private static readonly string[] Limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

    private JsonShape Leaf(SchemaPlace place, string kind, int depth) => kind switch
    {
        "object" => Object(place, depth),
        "array" => Array(place, depth),
        "string" when place.Get("format") is { } format => Format(place, format),
        "string" => Add(new StringShape(place.Count("minLength") ?? 0, Most(place, "minLength", "maxLength"))),
        "integer" => Decimal(place, places: 0),
        "number" when Limits.Any(name => place.Get(name) is not null) => Decimal(place, DecimalShape.MostPlaces),
        "number" => Add(new NumberShape()),
        "boolean" => Add(new WordShape(new WordList(["true"u8.ToArray(), "false"u8.ToArray()]))),
        _ => Add(new WordShape(new WordList(["null"u8.ToArray()]))),
    };

    private ObjectShape Object(SchemaPlace place, int depth)
    {
        var properties = place.Get("properties")?.Members() ?? [];
        var required = new HashSet<string>(StringComparer.Ordinal);
        var known = properties.Select(property => property.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in place.Get("required")?.Items() ?? [])
        {
            required.Add(name.Text());
            if (!known.Contains(name.Text())) throw name.Wrong("a name that properties describe");
        }

        // What a schema says nothing about is not written, unless it says nothing at all.
        var further = place.Get("additionalProperties") is { } schema ? Further(schema, depth)
            : place.Get("properties") is null ? Any() : null;
        return Add(new ObjectShape(
            [.. properties.Select(property => JsonWords.Of(property.Name))],
            [.. properties.Select(property => new Property(Shape(property.Value, depth + 1), required.Contains(property.Name)))], further));
    }

    private ArrayShape Array(SchemaPlace place, int depth)
    {
        List<JsonShape> first = [.. (place.Get("prefixItems")?.Items() ?? []).Select(item => Shape(item, depth + 1))];
        var further = place.Get("items") is { } schema ? Further(schema, depth) : place.Get("prefixItems") is null ? Any() : null;
        int min = place.Count("minItems") ?? 0, max = Most(place, "minItems", "maxItems");
        if (further is null && min > first.Count)
            throw place.Get("minItems")!.Value.Error($"expected at most {first.Count}; items must describe the further ones");
        return Add(new ArrayShape(first, further, min, max));
    }

    private JsonShape? Further(SchemaPlace place, int depth) =>
        place.Json.ValueKind == JsonValueKind.False ? null : Shape(place, depth + 1);

    private FormatShape Format(SchemaPlace place, SchemaPlace format)
    {
        foreach (string limit in new[] { "minLength", "maxLength" })
            if (place.Get(limit) is { } length) throw length.Error("not enforced beside format; leave it out");
        string name = format.Text(), shown = Printable.Line(name, SchemaPlace.LongestValue);
        return Add(FormatShape.Of(name) ?? throw format.Error(
            $"expected {FormatShape.Names}, found {shown}, which is not enforced here; leave it out and check the answer"));
    }

    private DecimalShape Decimal(SchemaPlace place, int places)
    {
        decimal unit = (decimal)DecimalShape.UnitsOf(places), beyond = (decimal)DecimalShape.UnitsOf(DecimalShape.WholeDigits) * unit;
        decimal min = 1 - beyond, max = beyond - 1;
        if (places == 0 && place.Get("format") is { } format && DecimalShape.RangeOf(format.Text()) is var (first, last))
            (min, max) = (first, last);
        if (place.Get("minimum") is { } least) min = Math.Max(min, Math.Ceiling(Units(least)));
        if (place.Get("exclusiveMinimum") is { } below) min = Math.Max(min, Math.Floor(Units(below)) + 1);
        if (place.Get("maximum") is { } largest) max = Math.Min(max, Math.Floor(Units(largest)));
        if (place.Get("exclusiveMaximum") is { } above) max = Math.Min(max, Math.Ceiling(Units(above)) - 1);
        if (min > max) throw place.Error($"no number of at most {DecimalShape.WholeDigits} digits is within the limits; correct them");
        return Add(new DecimalShape((Int128)min, (Int128)max, places));

        decimal Units(SchemaPlace limit) => Math.Clamp(limit.Number() * unit, -beyond, beyond);
    }

    private static int Most(SchemaPlace place, string least, string most)
    {
        int max = place.Count(most) ?? int.MaxValue;
        if (place.Count(least) > max) throw place.Get(most)!.Value.Error($"less than {least}; correct one of them");
        return max;
    }

    private JsonShape Words(List<(string Name, SchemaPlace Value)> members, SchemaPlace place, IReadOnlyList<SchemaPlace> values)
    {
        if (members.FirstOrDefault(member => member.Name is not ("type" or "const" or "enum")) is { Name: not null } other)
            throw other.Value.Error("not enforced beside enum or const; leave it out");
        if (members.Count(member => member.Name != "type") > 1) throw place.Error("found enum and const; write one of them");
        string[] kinds = KindsOf(members);
        if (values.Count == 0) throw place.Wrong("at least one value");
        var shapes = Constants([.. values.Where(value => kinds.Length == 0 || kinds.Any(kind => IsOf(kind, value.Json)))]);
        if (shapes.Count == 0) throw place.Error("no value has the type; correct one of them");
        return shapes.Count == 1 ? shapes[0] : NewChoice(place, shapes);
    }

    private List<JsonShape> Constants(IReadOnlyList<SchemaPlace> values)
    {
        var words = values.Where(value => value.Json.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
            .Select(value => JsonWords.Of(value.Json)).DistinctBy(Convert.ToBase64String).ToList();
        List<JsonShape> shapes = words.Count > 0 ? [Add(new WordShape(new WordList(words)))] : [];
        foreach (var value in values)
        {
            if (value.Json.ValueKind == JsonValueKind.Array)
            {
                List<JsonShape> items = [.. value.Items().Select(item => Constants([item])[0])];
                shapes.Add(Add(new ArrayShape(items, further: null, items.Count, items.Count)));
            }
            else if (value.Json.ValueKind == JsonValueKind.Object)
            {
                var members = value.Members();
                shapes.Add(Add(new ObjectShape(
                    [.. members.Select(member => JsonWords.Of(member.Name))],
                    [.. members.Select(member => new Property(Constants([member.Value])[0], IsRequired: true))], further: null)));
            }
        }

        return shapes;
    }

    private static bool IsOf(string kind, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => kind == "object",
        JsonValueKind.Array => kind == "array",
        JsonValueKind.String => kind == "string",
        JsonValueKind.Number => kind == "number" || (kind == "integer" && value.GetDouble() == Math.Floor(value.GetDouble())),
        JsonValueKind.Null => kind == "null",
        _ => kind == "boolean",
    };
}
