using System.Text.Json;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>Forms of JSON texts: one value as RFC 8259 has it, with little white space, and at most
/// <see cref="JsonShape.MaxDepth"/> brackets within each other.</summary>
internal static class JsonForm
{
    /// <summary>An object with any properties.</summary>
    public static ITextForm AnyObject { get; } = JsonSchemaReader.Read(JsonElement.Parse("""{"type": "object"}"""));

    /// <summary>A value of a JSON schema.</summary>
    /// <exception cref="Formats.LapidaryException">The schema is wrong, too large, or has a keyword that is not enforced; the message names
    /// its place.</exception>
    public static ITextForm Of(JsonElement schema) => JsonSchemaReader.Read(schema);
}
