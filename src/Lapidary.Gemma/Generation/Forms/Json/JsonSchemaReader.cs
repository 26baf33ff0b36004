using System.Text.Json;
using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>Makes a form of a JSON schema. What it cannot enforce it refuses. Schemas may come from strangers, so their size is
/// limited.</summary>
internal sealed partial class JsonSchemaReader
{
    private const int MaxLength = 256 << 10, MaxPlaces = 2000, MaxDepth = 64;

    private const string Root = "#";

    /// <summary>These say nothing about the value.</summary>
    private static readonly HashSet<string> Notes =
    [
        "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly",
        "writeOnly",
    ];

    /// <summary>What is enforced, and of which kind of value it speaks.</summary>
    private static readonly Dictionary<string, string> Keywords = new(StringComparer.Ordinal)
    {
        ["properties"] = "object",
        ["required"] = "object",
        ["additionalProperties"] = "object",
        ["items"] = "array",
        ["prefixItems"] = "array",
        ["minItems"] = "array",
        ["maxItems"] = "array",
        ["minLength"] = "string",
        ["maxLength"] = "string",
        ["format"] = "string",
        ["minimum"] = "number",
        ["maximum"] = "number",
        ["exclusiveMinimum"] = "number",
        ["exclusiveMaximum"] = "number",
    };

    private static readonly string[] Kinds = ["object", "array", "string", "integer", "number", "boolean", "null"];

    private static readonly JsonElement AnyValue = JsonElement.Parse("{}");

    private readonly SchemaPlace _root;
    private readonly Dictionary<string, ChoiceShape> _references = new(StringComparer.Ordinal);
    private readonly Queue<string> _unread = new();
    private readonly List<JsonShape> _shapes = [];
    private readonly List<(ChoiceShape Choice, SchemaPlace Place)> _choices = [];
    private ChoiceShape? _any;
    private int _places;

    private JsonSchemaReader(JsonElement schema) => _root = new(schema, Root);

    /// <summary>The form of the texts of a schema's values.</summary>
    /// <exception cref="LapidaryException">The schema is wrong, too large, or not enforced in all its parts.</exception>
    public static ITextForm Read(JsonElement schema)
    {
        try
        {
            return new JsonSchemaReader(schema).Read();
        }
        catch (InvalidOperationException)
        {
            throw new LapidaryException("JSON schema: expected Unicode, found an escape that is half of a character; correct the schema.");
        }
    }

    private ITextForm Read()
    {
        int length = _root.Json.GetRawText().Length;
        if (length > MaxLength)
            throw _root.Error($"expected at most {MaxLength} characters, found {length}; ask for less at a time");
        var root = Refer(Root);
        while (_unread.TryDequeue(out string? pointer)) _references[pointer].Shapes.Add(Shape(_root.Find(pointer)!.Value, depth: 0));
        CheckAlternatives();

        bool isLower = true;
        while (isLower)
        {
            isLower = false;
            foreach (var shape in _shapes) isLower |= shape.LowerHeight();
        }

        if (!root.Fits(0))
        {
            throw _root.Error(
                $"each value has more than {JsonShape.MaxDepth} brackets within each other, or no end; require less or add an alternative");
        }

        return root.Begin(new TextEnd(), 0);
    }

    private void CheckAlternatives()
    {
        foreach (var (choice, place) in _choices)
            if (choice.Leaves.Count == 0) throw place.Error("only refers to itself; say what the value is");
        // A choice with too many within it has too many as well, so the innermost is named.
        var (many, where) = _choices.Where(choice => choice.Choice.Leaves.Count > Choice.MaxForms)
            .OrderBy(choice => choice.Choice.Leaves.Count).ThenByDescending(choice => choice.Place.Pointer.Length).FirstOrDefault();
        if (many is not null)
            throw where.Error($"expected at most {Choice.MaxForms} alternatives, found {many.Leaves.Count}; ask for less at a time");
    }

    private ChoiceShape Refer(string pointer)
    {
        if (_references.TryGetValue(pointer, out var known)) return known;
        _unread.Enqueue(pointer);
        return _references[pointer] = NewChoice(new(_root.Json, pointer));
    }

    private JsonShape Shape(SchemaPlace place, int depth)
    {
        if (++_places > MaxPlaces || depth > MaxDepth)
            throw _root.Error($"expected at most {MaxPlaces} schemas, {MaxDepth} within each other; ask for less at a time");
        if (place.Json.ValueKind == JsonValueKind.True) return Any();
        if (place.Json.ValueKind != JsonValueKind.Object)
        {
            bool isFalse = place.Json.ValueKind == JsonValueKind.False;
            throw place.Wrong(isFalse ? "a schema that a value can have" : "a schema: an object, or true");
        }

        List<(string Name, SchemaPlace Value)> members = [.. place.Members().Where(member => !Notes.Contains(member.Name))];
        foreach (string alone in new[] { "$ref", "anyOf" })
        {
            if (place.Get(alone) is not { } value) continue;
            if (members.FirstOrDefault(member => member.Name != alone) is { Name: not null } other)
                throw other.Value.Error($"not enforced beside {alone}; write it there");
            return alone == "$ref" ? Refer(PointerOf(value)) : AnyOf(value, depth);
        }

        if (place.Get("const") is { } constant) return Words(members, constant, [constant]);
        if (place.Get("enum") is { } values) return Words(members, values, values.Items());
        string[] kinds = KindsOf(members);
        if (members.FirstOrDefault(member => member.Name != "type" && !Keywords.ContainsKey(member.Name)) is { Name: not null } unknown)
            throw unknown.Value.Error("not enforced here; leave it out, describe it in the prompt and check the answer");
        if (kinds.Length == 0) return Any();
        CheckFormat(place, kinds);
        var shapes = kinds.Select(kind => Leaf(place, kind, depth)).ToList();
        return shapes.Count == 1 ? shapes[0] : NewChoice(place, shapes);
    }

    private string PointerOf(SchemaPlace reference)
    {
        string pointer = Uri.UnescapeDataString(reference.Text());
        bool isHere = pointer == Root || pointer.StartsWith("#/", StringComparison.Ordinal);
        return isHere && _root.Find(pointer) is not null ? pointer : throw reference.Wrong("a place of this schema such as #/$defs/name");
    }

    private ChoiceShape AnyOf(SchemaPlace place, int depth)
    {
        var items = place.Items();
        if (items.Count == 0) throw place.Wrong("at least one schema");
        return NewChoice(place, [.. items.Select(item => Shape(item, depth + 1))]);
    }

    /// <summary>The kinds that a schema names, or those that its keywords speak of; none for any.</summary>
    private static string[] KindsOf(List<(string Name, SchemaPlace Value)> members)
    {
        if (members.FirstOrDefault(member => member.Name == "type") is not { Name: not null } type)
            return [.. members.Select(KindOf).OfType<string>().Distinct()];
        SchemaPlace[] names = type.Value.Json.ValueKind == JsonValueKind.Array ? [.. type.Value.Items()] : [type.Value];
        foreach (var name in names)
            if (!Kinds.Contains(name.Text())) throw name.Wrong(string.Join(", ", Kinds));
        if (names.Length == 0) throw type.Value.Wrong("at least one name");
        return [.. names.Select(name => name.Text()).Distinct()];
    }

    private static string? KindOf((string Name, SchemaPlace Value) member) =>
        member.Name == "format" && NumberFormat.IsIn(NumberFormat.Names, member.Value.Text())
            ? "number"
            : Keywords.GetValueOrDefault(member.Name);

    private ChoiceShape Any()
    {
        if (_any is not null) return _any;
        _any = NewChoice(_root);
        foreach (string kind in Kinds.Where(kind => kind != "integer")) _any.Shapes.Add(Leaf(new(AnyValue, Root), kind, depth: 0));
        return _any;
    }

    private ChoiceShape NewChoice(SchemaPlace place, IReadOnlyList<JsonShape>? shapes = null)
    {
        var choice = Add(new ChoiceShape());
        choice.Shapes.AddRange(shapes ?? []);
        _choices.Add((choice, place));
        return choice;
    }

    private T Add<T>(T shape) where T : JsonShape
    {
        _shapes.Add(shape);
        return shape;
    }
}
