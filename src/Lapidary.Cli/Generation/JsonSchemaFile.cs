using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;

namespace Lapidary.Cli.Generation;

/// <summary>A file with a JSON schema that answers must have.</summary>
/// <param name="Text">The file's text.</param>
/// <param name="Form">The form of answers.</param>
internal sealed record JsonSchemaFile(string Text, ITextForm Form)
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads a file.</summary>
    /// <exception cref="LapidaryException">It is missing, no JSON, or not enforced in all its parts.</exception>
    public static JsonSchemaFile Read(string path)
    {
        string text = InputFile.ReadAllText(path, MaxBytes, "a JSON schema");
        try
        {
            return new(text, JsonForm.Of(JsonElement.Parse(text)));
        }
        catch (JsonException e)
        {
            var fault = JsonFault.Of(Encoding.UTF8.GetBytes(text), e);
            throw new LapidaryException($"{path}: expected a JSON schema, found {fault}; correct the file.", e);
        }
        catch (LapidaryException e)
        {
            throw new LapidaryException($"{path}: {e.Message}", e);
        }
    }
}
