using System.Text.Json.Nodes;
using Lapidary.Engine;

namespace Lapidary.Gemma.Tests.Generation.Forms.Json;

/// <summary>Schemas of everything that is enforced, from a seed.</summary>
internal sealed class RandomSchema(long seed)
{
    private static readonly string[] Names = ["a", "ab", "né", "q\"", "b\\", "c d", "", "🙂"];

    private StableRandom _random = new(seed, stream: 7);

    public JsonObject New()
    {
        var schema = Schema(3);
        schema["$defs"] = new JsonObject
        {
            ["tree"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["left"] = Either(Reference("tree"), Type("null")),
                    ["value"] = Type("integer"),
                    ["further"] = new JsonObject { ["type"] = "array", ["items"] = Reference("tree"), ["maxItems"] = 2 },
                },
                ["required"] = new JsonArray("left"),
                ["additionalProperties"] = false,
            },
        };
        return schema;
    }

    private static JsonObject Type(string name) => new() { ["type"] = name };

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}", ["description"] = "elsewhere" };

    private static JsonObject Either(params JsonNode[] schemas) => new() { ["anyOf"] = new JsonArray(schemas) };

    private JsonObject Schema(int depth) => Below(depth > 0 ? 12 : 8) switch
    {
        0 => Type("boolean"),
        1 => new JsonObject { ["type"] = new JsonArray("null", "number"), ["default"] = 1 },
        2 => String(),
        3 => Integer(),
        4 => new JsonObject { ["enum"] = new JsonArray("x", "xy", 1, 12, null, "\"é\n", new JsonObject { ["a"] = 1 }, 1.5) },
        5 => new JsonObject { ["const"] = Names[Below(Names.Length)], ["type"] = "string" },
        6 => Reference("tree"),
        7 => Below(3) == 0 ? [] : Number(),
        8 => Either(Schema(depth - 1), Schema(depth - 1), Schema(depth - 1)),
        9 => Array(depth - 1),
        _ => Object(depth - 1),
    };

    private JsonObject String()
    {
        var schema = Type("string");
        if (Below(4) == 0)
        {
            schema["format"] = new[] { "date", "date-time", "uuid" }[Below(3)];
            return schema;
        }

        if (Below(2) == 0) schema["minLength"] = Below(4);
        if (Below(2) == 0) schema["maxLength"] = 3 + Below(5);
        return schema;
    }

    private JsonObject Integer()
    {
        var schema = Type("integer");
        int min = Below(3000) - 1500;
        if (Below(2) == 0) schema[Below(2) == 0 ? "minimum" : "exclusiveMinimum"] = min + 0.5;
        if (Below(2) == 0) schema[Below(2) == 0 ? "maximum" : "exclusiveMaximum"] = min + 2 + Below(1500);
        return schema;
    }

    private JsonObject Number()
    {
        var schema = Integer();
        schema["type"] = "number";
        return schema;
    }

    private JsonObject Array(int depth)
    {
        var schema = Type("array");
        if (Below(3) == 0) schema["prefixItems"] = new JsonArray(Schema(depth), Schema(0));
        if (Below(3) > 0) schema["items"] = Schema(depth);
        if (Below(2) == 0) schema["minItems"] = Below(3);
        if (Below(2) == 0) schema["maxItems"] = 2 + Below(3);
        return schema;
    }

    private JsonObject Object(int depth)
    {
        var schema = Type("object");
        var properties = new JsonObject();
        foreach (string name in Names.Where(_ => Below(2) == 0)) properties[name] = Schema(depth);
        schema["properties"] = properties;
        schema["required"] = new JsonArray([.. properties.Where(_ => Below(2) == 0).Select(property => JsonValue.Create(property.Key))]);
        if (Below(3) > 0) schema["additionalProperties"] = Below(2) == 0 ? Schema(0) : Below(2) == 0;
        return schema;
    }

    private int Below(int count) => _random.Below(count);
}
