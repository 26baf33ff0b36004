using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;

namespace Lapidary.Benchmarks;

/// <summary>Times what a form costs at a token: finding the allowed ones of a vocabulary, and their mask when they are known. Run it in
/// Release: dotnet ... -- forms FOLDER, of a tokenizer.</summary>
internal static class FormBenchmark
{
    private const int Repeats = 20;

    private static readonly (string Name, string Schema, string Text)[] Places =
    [
        ("start", """{"properties": {"name": {"type": "string"}}}""", ""),
        ("property's name", """{"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}""", "{\""),
        ("whole number", """{"properties": {"age": {"type": "integer", "maximum": 120}}}""", "{\"age\":1"),
        ("string", """{"properties": {"name": {"type": "string"}}}""", "{\"name\":\""),
        ("string, maxLength", """{"properties": {"name": {"type": "string", "maxLength": 200}}}""", "{\"name\":\""),
        ("any name", """{"additionalProperties": {"type": "string"}}""", "{\"a"),
        ("any value", "{}", "{\"a\":"),
        ("32 kinds of string", $$"""{"anyOf": [{{Strings()}}]}""", "\""),
        ("32 kinds of list", $$"""{"anyOf": [{{Lists()}}, {"type": "boolean"}]}""", "[[[[[[[["),
    ];

    public static int Run(string folder)
    {
        var tokenizer = Tokenizer.Load(folder);
        long start = Stopwatch.GetTimestamp();
        _ = TokenBytes.Of(tokenizer);
        Console.WriteLine($"table of {tokenizer.VocabSize} tokens: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        float[] logits = new float[tokenizer.VocabSize];
        int[] stops = [.. new[] { tokenizer.EosTokenId }.OfType<int>()];
        foreach (var (name, schema, text) in Places)
        {
            var form = Encoding.UTF8.GetBytes(text).Aggregate(JsonForm.Of(JsonElement.Parse(schema)), (rest, next) => rest.After(next)!);
            var token = new TokenForm(form, tokenizer);
            double found = Best(() => new FormedText(token, stops), formed => formed.Mask(logits));
            int allowed = logits.Count(logit => logit == 0);
            double again = Best(() => Masked(token), formed => formed.Mask(logits));
            double one = Best(() => new FormedText(token, stops), formed => formed.Allows(allowed));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-20} {allowed,7} allowed {found,10:F3} ms {again,8:F3} ms again {one,8:F4} ms one token"));
        }

        return 0;

        FormedText Masked(TokenForm form)
        {
            var formed = new FormedText(form, stops);
            formed.Mask(logits);
            return formed;
        }

        double Best(Func<FormedText> make, Action<FormedText> run)
        {
            double best = double.MaxValue;
            for (int i = 0; i < Repeats; i++)
            {
                var formed = make();
                logits.AsSpan().Clear();
                long begun = Stopwatch.GetTimestamp();
                run(formed);
                best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }

            return best;
        }
    }

    private static string Lists() => string.Join(
        ',', Enumerable.Range(100, 31).Select(max => $$"""{"items": {"$ref": "#"}, "minItems": 1, "maxItems": {{max}}}"""));

    private static string Strings() =>
        string.Join(',', Enumerable.Range(0, 32).Select(min => $$"""{"type": "string", "minLength": {{min}}}"""));
}
