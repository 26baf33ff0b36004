using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Json.Schema;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;

namespace Lapidary.Gemma.Tests.Generation.Forms.Json;

/// <summary>Forms of random schemas beside JsonSchema.Net, which judges what they allow.</summary>
public class JsonSchemaFormTests
{
    private const int MostBytes = 4000;

    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true, NewLine = "\n" };

    /// <summary>Bytes are drawn among those that a form allows. What comes out is judged, and so is what becomes of it when a byte
    /// changes.</summary>
    [Fact]
    public void RandomTextsOfRandomSchemas_AreValid()
    {
        int whole = 0, changed = 0;
        for (int seed = 0; seed < 400; seed++)
        {
            var schema = new RandomSchema(seed).New();
            var form = FormOf(schema);
            var judge = JsonSchema.FromText(schema.ToJsonString());
            for (int sample = 0; sample < 5; sample++)
            {
                var random = new StableRandom(seed, sample);
                if (Draw(form, ref random) is not { } text) continue;
                whole++;
                Assert.True(IsValid(judge, text), $"{schema.ToJsonString()}\n{Encoding.UTF8.GetString(text)}");
                for (int change = 0; change < 30; change++)
                {
                    byte[] other = [.. text];
                    other[random.Below(text.Length)] = "0 ,:\"{}[]a\\\n\u0001\u007fe-."u8[random.Below(17)];
                    if (!Accepts(form, other)) continue;
                    changed++;
                    Assert.True(IsValid(judge, other), $"{schema.ToJsonString()}\n{Encoding.UTF8.GetString(other)}");
                }
            }
        }

        Assert.True(whole > 1500 && changed > 1000, $"{whole} {changed}");
    }

    /// <summary>Values in the order of their properties, as programs write them.</summary>
    [Fact]
    public void CompactAndIndentedTexts_AreAllowed()
    {
        int seen = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            var form = FormOf(new RandomSchema(seed).New());
            var random = new StableRandom(seed, stream: 1);
            if (Draw(form, ref random) is not { } text) continue;
            var value = JsonNode.Parse(text);
            if (JsonSerializer.Serialize(value, Compact).Contains('\\')) continue; // names are expected without escapes
            AssertAccepts(form, JsonSerializer.SerializeToUtf8Bytes(value, Compact));
            AssertAccepts(form, JsonSerializer.SerializeToUtf8Bytes(value, Indented));
            seen++;
        }

        Assert.True(seen > 50, $"{seen}");

        void AssertAccepts(ITextForm form, byte[] text) => Assert.True(Accepts(form, text), Encoding.UTF8.GetString(text));
    }

    /// <summary>Schemas of strangers: whatever stands in them, they have a form or one line that says what is wrong.</summary>
    [Fact]
    public void ChangedSchemas_HaveAFormOrAnError()
    {
        string[] parts =
        [
            "\"type\"", "\"enum\"", "\"items\"", "\"$ref\"", "\"#\"", "\"#/anyOf/0\"", "\"#/$defs/tree/properties/left\"", "1e999", "-1",
            "null", "true", "[]", "{}", "\"\\ud800\"", "\"minimum\"", "\"maxLength\"", "\"properties\"", "\"const\"", "\"format\"",
            "\"date\"", "\"object\"",
        ];
        int forms = 0, errors = 0;
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new StableRandom(seed, stream: 2);
            string[] tokens = Regex.Split(new RandomSchema(seed % 100).New().ToJsonString(), "(\"[^\"]*\"|[0-9.]+)");
            for (int change = 0; change < 3; change++)
                tokens[(2 * random.Below(tokens.Length / 2)) + 1] = parts[random.Below(parts.Length)];
            try
            {
                var form = JsonForm.Of(JsonElement.Parse(string.Concat(tokens)));
                Draw(form, ref random);
                forms++;
            }
            catch (JsonException)
            {
                // The change left no JSON.
            }
            catch (LapidaryException e)
            {
                Assert.StartsWith("JSON schema: ", e.Message, StringComparison.Ordinal);
                errors++;
            }
        }

        Assert.True(forms > 200 && errors > 200, $"{forms} {errors}");
    }

    private static ITextForm FormOf(JsonNode schema) => JsonForm.Of(JsonElement.Parse(schema.ToJsonString()));

    private static bool Accepts(ITextForm form, byte[] text) =>
        text.Aggregate((ITextForm?)form, (rest, next) => rest?.After(next)) is { MayEnd: true };

    /// <summary>The judge reads what .NET reads, which takes no property twice.</summary>
    private static bool IsValid(JsonSchema judge, byte[] text)
    {
        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        return judge.Evaluate(document.RootElement, new EvaluationOptions { RequireFormatValidation = true }).IsValid;
    }

    /// <summary>A text of the form; null if it becomes too long.</summary>
    private static byte[]? Draw(ITextForm form, ref StableRandom random)
    {
        var text = new List<byte>();
        for (var rest = form; text.Count < MostBytes;)
        {
            if (rest.MayEnd && random.Below(4) > 0) return [.. text];
            var next = new List<(byte Value, ITextForm After)>();
            for (int value = 0; value < 256; value++)
                if (rest.After((byte)value) is { } after) next.Add(((byte)value, after));
            if (next.Count == 0) return rest.MayEnd ? [.. text] : throw new InvalidOperationException("A dead end.");
            // Half of the choices are among the bytes that end something, so that texts end.
            var ends = next.Where(pair => "\"]}0n"u8.Contains(pair.Value)).ToList();
            var from = ends.Count > 0 && random.Below(2) == 0 ? ends : next;
            (byte chosen, rest) = from[random.Below(from.Count)];
            text.Add(chosen);
        }

        return null;
    }
}
