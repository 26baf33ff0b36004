using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;

namespace Lapidary.Gemma.Tests.Generation.Forms.Json;

/// <summary>JSON itself beside .NET's reader, and what schemas allow and refuse.</summary>
public class JsonFormTests
{
    private static readonly string[] Parts =
    [
        "{", "}", "[", "]", ":", ",", " ", "\n", "  ", "\t", "\"a\"", "\"b\"", "\"a", "\"", "\\", "\\n", "\\u00e9", "\\ud83d\\ude42",
        "\\ud83d",
        "\\udc00", "é", "🙂", "0", "12", "-", "-0", ".5", "1.", "e3", "E+1", "01", "true", "null", "nul", "\u0001",
    ];

    /// <summary>Everything that is allowed is JSON for .NET, and what .NET refuses to go on with is refused at the same byte or
    /// earlier.</summary>
    [Fact]
    public void WhatIsAllowed_IsJson()
    {
        var random = new Lapidary.Engine.StableRandom(1, stream: 0);
        int whole = 0;
        for (int i = 0; i < 20_000; i++)
        {
            ITextForm? rest = JsonForm.AnyObject;
            var text = new List<byte>();
            for (int tries = 0; tries < 60 && !rest.MayEnd; tries++)
            {
                byte[] part = Encoding.UTF8.GetBytes(Parts[random.Below(Parts.Length)]);
                if (part.Aggregate((ITextForm?)rest, (form, next) => form?.After(next)) is not { } after) continue;
                rest = after;
                text.AddRange(part);
            }

            var reader = new Utf8JsonReader(text.ToArray(), isFinalBlock: rest.MayEnd, default);
            while (reader.Read())
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString(); // no half of a character
            whole += rest.MayEnd ? 1 : 0;
        }

        Assert.InRange(whole, 1000, 19_000);
    }

    [Theory]
    [InlineData("""{"a": [1, 2.5e3, -0, true, null, "x"], "b": {}}""")]
    [InlineData("{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\"\n    }\n  ]\n}")]
    [InlineData("""{"é🙂":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42é🙂"}""")]
    [InlineData("{ }")]
    public void WhatProgramsWrite_IsAllowed(string text) => Assert.True(Accepts(JsonForm.AnyObject, text));

    [Theory]
    [InlineData("[]")] // json_object means an object
    [InlineData(" {}")]
    [InlineData("{} ")]
    [InlineData("{  }")]
    [InlineData("{\n\n}")]
    [InlineData("{\t}")]
    [InlineData("{\"a\" : 1}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{\"a\":1 ,\"b\":1}")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":01}")]
    [InlineData("{\"a\":1234567890123456}")]
    [InlineData("{\"a\":1e400}")]
    public void WhatIsNoObject_OrBlank_IsRefused(string text) => Assert.False(Accepts(JsonForm.AnyObject, text));

    [Fact]
    public void BytesThatAreNotUtf8_AreRefused()
    {
        byte[][] all = [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xE2, 0x28], [0xFF]];
        foreach (byte[] bytes in all) Assert.False(Accepts(JsonForm.AnyObject, [.. "{\"a\":\""u8, .. bytes, .. "\"}"u8]));
    }

    [Fact]
    public void Brackets_AreLimited_AndEndInTime()
    {
        Assert.True(Accepts(JsonForm.AnyObject, Nested(JsonShape.MaxDepth - 1)));
        Assert.False(Accepts(JsonForm.AnyObject, Nested(JsonShape.MaxDepth)));

        // A list of the tree has at least two brackets more: none begins where they would be too many.
        var tree = FormOf("""{"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#"}}}, "required": ["of"]}""");
        string open = string.Concat(Enumerable.Repeat("{\"of\":[", JsonShape.MaxDepth / 2));
        string close = string.Concat(Enumerable.Repeat("]}", JsonShape.MaxDepth / 2));
        Assert.True(Accepts(tree, open + close));
        Assert.False(Accepts(tree, open + "{\"of\":[]}" + close));

        static string Nested(int lists) => "{\"a\":" + new string('[', lists) + new string(']', lists) + "}";
    }

    [Theory]
    [InlineData("""{"enum": [1, 12, "a", null]}""", "12|1|null|\"a\"", "13|2|nul|a")]
    [InlineData("""{"const": {"a": [1, "x"]}}""", "{\"a\":[1,\"x\"]}|{\n\"a\": [\n1,\n\"x\"]}", "{}|{\"a\":[1]}")]
    [InlineData("""{"type": "integer", "minimum": -12, "exclusiveMaximum": 105}""", "-12|-1|0|9|10|104", "-13|-2x|-0|105|2000|1.0|00")]
    [InlineData("""{"type": "number", "exclusiveMinimum": 0, "maximum": 0.75}""", "0.1|0.75|0.0000000001", "0|-0.1|0.8|1|0.751")]
    [InlineData(
        """{"type": "string", "minLength": 1, "maxLength": 2}""",
        "\"é\"|\"🙂🙂\"|\"\\n\\u00e9\"|\"\\ud83d\\ude42a\"", "\"\"|\"abc\"|\"🙂🙂🙂\"")]
    [InlineData(
        """{"prefixItems": [{"type": "null"}], "items": {"type": "boolean"}, "minItems": 1}""",
        "[null]|[null,true]", "[]|[true]|[null,null]")]
    [InlineData("""{"prefixItems": [{"type": "null"}], "minItems": 1}""", "[null]", "[null,1]")]
    [InlineData(
        """{"properties": {"a": {"type": "null"}, "b": true}, "required": ["b"]}""",
        "{\"a\":null,\"b\":[1]}|{\"b\":0}", "{}|{\"a\":null}|{\"b\":0,\"a\":null}|{\"b\":0,\"c\":1}")]
    [InlineData(
        """{"properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "null"}}""",
        "{}|{\"a\":null,\"c\":null}|{\"c\":null,\"d\":null}", "{\"c\":null,\"a\":null}|{\"c\":null,\"c\":null}|{\"c\":1}")]
    [InlineData(
        """{"anyOf": [{"$ref": "#"}, {"type": "array", "items": {"$ref": "#"}}, {"const": "x"}]}""",
        "\"x\"|[]|[[\"x\"],\"x\"]", "[1]|x")]
    public void ASchema_AllowsItsValuesAlone(string schema, string allowed, string refused)
    {
        var form = FormOf(schema);
        Assert.All(allowed.Split('|'), text => Assert.True(Accepts(form, text), text));
        Assert.All(refused.Split('|'), text => Assert.False(Accepts(form, text), text));
    }

    [Theory]
    [InlineData(
        """{"properties": {"age": {"type": "integer", "multipleOf": 5}}}""",
        "$.properties.age.multipleOf: not enforced here; leave it out")]
    [InlineData("""{"type": "string", "pattern": "a+"}""", "$.pattern: not enforced here")]
    [InlineData(
        """{"type": "string", "format": "email"}""",
        "$.format: expected one of date, date-time, uuid, found email, which is not enforced here")]
    [InlineData("""{"type": "string", "format": "date", "maxLength": 9}""", "$.maxLength: not enforced beside format")]
    [InlineData("""{"oneOf": [{"type": "null"}]}""", "$.oneOf: not enforced here")]
    [InlineData("""{"anyOf": [{"type": "null"}], "type": "null"}""", "$.type: not enforced beside anyOf")]
    [InlineData("""{"$ref": "#/$defs/b"}""", "$.$ref: expected a place of this schema such as #/$defs/name, found \"#/$defs/b\"")]
    [InlineData("""{"anyOf": [{"type": "null"}, {"$ref": "#/anyOf/+0"}]}""", "$.anyOf.1.$ref: expected a place of this schema")]
    [InlineData("""{"$ref": "https://example.com/a.json"}""", "$.$ref: expected a place of this schema")]
    [InlineData("""{"type": "text"}""", "$.type: expected object, array, string")]
    [InlineData("""{"type": "array", "minItems": 2, "maxItems": 1}""", "$.maxItems: less than minItems")]
    [InlineData("""{"type": "array", "items": false, "minItems": 1}""", "$.minItems: expected at most 0")]
    [InlineData(
        """{"type": "object", "properties": {}, "required": ["a"]}""",
        "$.required.0: expected a name that properties describe, found \"a\"")]
    [InlineData("""{"type": "object", "properties": {"a": {}, "a": {}}}""", "$.properties.a: found twice")]
    [InlineData("""{"enum": ["a"], "type": "null"}""", "$.enum: no value has the type")]
    [InlineData("""{"enum": []}""", "$.enum: expected at least one value, found []")]
    [InlineData("""{"type": "string", "maxLength": -1}""", "$.maxLength: expected a whole number of at least 0, found -1")]
    [InlineData("""{"type": "integer", "minimum": 1e30, "maximum": 1e99}""", "$: no number of at most 15 digits is within the limits")]
    [InlineData("""{"$ref": "#"}""", "$: only refers to itself")]
    [InlineData(
        """{"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}""",
        "$.$defs.a: only refers to itself")]
    [InlineData(
        """{"type": "array", "items": {"$ref": "#"}, "minItems": 1}""",
        "$: each value has more than 32 brackets within each other")]
    [InlineData("""{"const": "\ud800"}""", "expected Unicode")]
    [InlineData("false", "$: expected a schema that a value can have, found false")]
    [InlineData("5", "$: expected a schema: an object, or true, found 5")]
    public void WhatIsNotEnforced_IsNamed(string schema, string message)
    {
        var error = Assert.Throws<LapidaryException>(() => FormOf(schema));
        Assert.StartsWith("JSON schema: " + message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SchemasOfStrangers_AreLimited()
    {
        string many = string.Join(',', Enumerable.Range(0, 2001).Select(i => $"\"p{i}\": {{}}"));
        AssertRefused($$"""{"properties": { {{many}} } }""", "expected at most 2000 schemas");
        AssertRefused($$"""{"description": "{{new string('x', 300_000)}}"}""", "expected at most 262144 characters");
        string forms = string.Join(',', Enumerable.Range(0, 33).Select(i => $$"""{"minLength": {{i}}}"""));
        AssertRefused($$"""{"anyOf": [{{forms}}]}""", "$.anyOf: expected at most 32 alternatives, found 33");
        string values = string.Join(',', Enumerable.Range(0, 33).Select(i => $"[{i}]"));
        AssertRefused($$"""{"items": {"enum": [{{values}}]} }""", "$.items.enum: expected at most 32 alternatives, found 33");

        // Messages stay short, and end with what to do.
        string word = new('x', 100_000);
        foreach (string schema in new[] { $$"""{"{{word}}": 1}""", $$"""{"type": "{{word}}"}""", $$"""{"format": "{{word}}"}""" })
            Assert.InRange(Assert.Throws<LapidaryException>(() => FormOf(schema)).Message.Length, 1, 400);

        // Alternatives of alternatives are as many as there are different ones, not as many as there are ways to them.
        string links = string.Join(',', Enumerable.Range(0, 600)
            .Select(i => $$"""
                "d{{i}}": {"anyOf": [{"$ref": "#/$defs/d{{i + 1}}"}, {"$ref": "#/$defs/d{{i + 1}}"}] }
                """));
        var form = FormOf($$"""{"$ref": "#/$defs/d0", "$defs": { {{links}}, "d600": {"type": "null"} } }""");
        Assert.True(Accepts(form, "null"));

        static void AssertRefused(string schema, string message) =>
            Assert.Contains(message, Assert.Throws<LapidaryException>(() => FormOf(schema)).Message, StringComparison.Ordinal);
    }

    /// <summary>.NET reads what the formats allow, and they allow what .NET writes.</summary>
    [Fact]
    public void Formats_AreThoseOfDotNet()
    {
        var date = FormOf("""{"format": "date"}""");
        var time = FormOf("""{"format": "date-time"}""");
        var uuid = FormOf("""{"format": "uuid"}""");
        for (var day = new DateOnly(1999, 12, 1); day.Year < 2005; day = day.AddDays(1))
            Assert.True(Accepts(date, JsonSerializer.Serialize(day)));
        Assert.True(Accepts(time, JsonSerializer.Serialize(new DateTime(2024, 2, 29, 23, 59, 59, DateTimeKind.Utc))));
        Assert.True(Accepts(time, "\"2024-02-29T00:00:00-03:30\""));
        Assert.True(Accepts(uuid, JsonSerializer.Serialize(Guid.NewGuid())));
        string[] wrong = ["2023-02-29", "2024-13-01", "2024-04-31", "2024-1-1", "2024-01-00"];
        Assert.All(wrong, text => Assert.False(Accepts(date, $"\"{text}\"")));
        Assert.All(["24:00:00Z", "12:60:00Z", "12:00:00", "12:00Z"], text => Assert.False(Accepts(time, $"\"2024-01-01T{text}\"")));
    }

    /// <summary>Lists of alternatives that cannot be told apart do not multiply.</summary>
    [Fact]
    public void AlternativesThatAreAlike_AreFollowedOnce()
    {
        var form = FormOf("""{"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "number"}, {"minimum": 0}]}}""");
        Assert.True(Accepts(form, "[" + string.Join(',', Enumerable.Range(0, 5000)) + "]"));
    }

    internal static ITextForm FormOf(string schema) => JsonForm.Of(JsonElement.Parse(schema));

    internal static bool Accepts(ITextForm form, string text) => Accepts(form, Encoding.UTF8.GetBytes(text));

    private static bool Accepts(ITextForm form, byte[] text) =>
        text.Aggregate((ITextForm?)form, (rest, next) => rest?.After(next)) is { MayEnd: true };
}
