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
        "string" when FormatOf(place) is { } format && FormatShape.Of(format) is { } shape => Format(place, shape),
        "string" => Add(new StringShape(place.Count("minLength") ?? 0, Most(place, "minLength", "maxLength"))),
        "integer" => Decimal(place, places: 0),
        "number" when NumberFormat.RangeOf(FormatOf(place)) is not null => Decimal(place, places: 0),
        "number" when NumberFormat.IsPlain(FormatOf(place)) || Limits.Any(name => place.Get(name) is not null) =>
            Decimal(place, DecimalShape.MostPlaces),
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

    private static string? FormatOf(SchemaPlace place) => place.Get("format")?.Text();

    /// <summary>Refuses a format that none of the kinds has. It says nothing about the others.</summary>
    private static void CheckFormat(SchemaPlace place, string[] kinds)
    {
        if (place.Get("format") is not { } format) return;
        string[] names = [.. kinds.Select(NamesOf).OfType<string>().Distinct()];
        if (names.Any(each => NumberFormat.IsIn(each, format.Text()))) return;
        string expected = names.Length == 0 ? "no format of this type" : $"one of {string.Join(", ", names)}";
        string found = Printable.Line(format.Text(), SchemaPlace.LongestValue);
        throw format.Error($"expected {expected}, found {found}, which is not enforced here; leave it out and check the answer");

        static string? NamesOf(string kind) => kind switch
        {
            "string" => FormatShape.Names,
            "integer" => NumberFormat.WholeNames,
            "number" => NumberFormat.Names,
            _ => null,
        };
    }

    private FormatShape Format(SchemaPlace place, FormatShape shape)
    {
        foreach (string limit in new[] { "minLength", "maxLength" })
            if (place.Get(limit) is { } length) throw length.Error("not enforced beside format; leave it out");
        return Add(shape);
    }

    private DecimalShape Decimal(SchemaPlace place, int places)
    {
        decimal unit = (decimal)DecimalShape.UnitsOf(places), beyond = (DecimalShape.LargestWhole + 1) * unit;
        var range = NumberFormat.RangeOf(FormatOf(place));
        var (min, max) = range ?? (1 - beyond, beyond - 1);
        var (first, last) = ((min / unit) - 1, (max / unit) + 1);
        if (place.Get("minimum") is { } least) min = Math.Max(min, Math.Ceiling(Units(least)));
        if (place.Get("exclusiveMinimum") is { } below) min = Math.Max(min, Math.Floor(Units(below)) + 1);
        if (place.Get("maximum") is { } largest) max = Math.Min(max, Math.Floor(Units(largest)));
        if (place.Get("exclusiveMaximum") is { } above) max = Math.Min(max, Math.Ceiling(Units(above)) - 1);
        if (min > max)
        {
            string kind = range is null ? $"of at most {DecimalShape.WholeDigits} digits" : $"of {FormatOf(place)}";
            throw place.Error($"no number {kind} is within the limits; correct them");
        }

        return Add(new DecimalShape((Int128)min, (Int128)max, places));

        // A limit beyond all that are written is the next number, so that its units can be counted.
        decimal Units(SchemaPlace limit) => Math.Clamp(limit.Number(), first, last) * unit;
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
