using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>The form that a request asks its answers to have: OpenAI's response_format, or json of vLLM's structured_outputs.</summary>
internal static class AnswerFormat
{
    private const string Field = "response_format", Outputs = "structured_outputs";

    private static readonly string[] OtherOutputs = ["regex", "choice", "grammar", "json_object", "structural_tag"];

    /// <summary>Reads the field.</summary>
    /// <returns>The form; null for any text.</returns>
    /// <exception cref="ApiException">It is wrong, or a schema is not enforced in all its parts.</exception>
    public static TokenForm? Read(RequestFields fields, Tokenizer tokenizer)
    {
        var (format, outputs) = (FormatOf(fields.Object(Field)), OutputsOf(fields.Object(Outputs)));
        if (format is not null && outputs is not null)
            throw ApiException.Wrong(Outputs, $"expected alone, found it with {Field}; leave out one.");
        return (format ?? outputs) is { } form ? new TokenForm(form, tokenizer) : null;
    }

    private static ITextForm? FormatOf(RequestFields? format)
    {
        if (format is not { } fields) return null;
        switch (fields.Require("type"))
        {
            case "text": return null;
            case "json_object" when fields.Get("schema") is not null:
                throw ApiException.Wrong($"{Field}.schema", "not enforced with json_object; give type json_schema and json_schema.schema.");
            case "json_object": return JsonForm.AnyObject;
            case "json_schema":
                var described = fields.Object("json_schema") ?? throw ApiException.Wrong($"{Field}.json_schema", "is missing.");
                return SchemaOf(described.Get("schema"), $"{Field}.json_schema.schema");
            case var other: throw ApiException.Wrong(Field, $"expected text, json_object or json_schema, found {Found.Of(other)}.");
        }
    }

    private static ITextForm? OutputsOf(RequestFields? asked)
    {
        if (asked is not { } outputs) return null;
        foreach (string name in OtherOutputs)
            if (outputs.Get(name) is { } value && !UnsupportedFields.SaysNothing(value))
                throw ApiException.Wrong(outputs.NameOf(name), "not supported; give json a JSON schema.");
        string path = outputs.NameOf("json");
        return outputs.Get("json") is { } schema ? SchemaOf(Parsed(schema, path), path) : null;
    }

    /// <summary>vLLM takes a schema as its text, too.</summary>
    private static JsonElement Parsed(JsonElement schema, string path)
    {
        if (schema.ValueKind != JsonValueKind.String) return schema;
        try
        {
            return JsonElement.Parse(schema.GetString()!);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ApiException.Wrong(path, "expected a JSON schema, found a text that is not JSON.");
        }
    }

    private static ITextForm SchemaOf(JsonElement? schema, string path)
    {
        try
        {
            return JsonForm.Of(schema ?? throw ApiException.Wrong(path, "is missing."));
        }
        catch (LapidaryException e)
        {
            throw ApiException.Wrong(path, e.Message);
        }
    }
}
