using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Evaluation;

/// <summary>Answers made elsewhere, in any of the usual forms: JSON Lines of objects or texts, a JSON list, BIRD's object of numbered
/// queries, or a query on each line as Spider's scripts read them.</summary>
internal static partial class PredictionFile
{
    private const long MaxBytes = 1L << 30;

    private const string StandardInput = "-";

    /// <summary>BIRD's separator of query and database.</summary>
    private const string BirdMark = "\t----- bird -----\t";

    /// <summary>Keys of an answer; the first one of the first object counts for all.</summary>
    private static readonly string[] Keys =
    [
        "output", "prediction", "predicted_sql", "pred_sql", "sql_pred", "pred", "predict", "generated_sql", "generated_text", "generated",
        "completion", "response", "sql", "SQL", "query", "answer", "text", "content",
    ];

    /// <summary>Of these keys, those that a data set has its references in, beside the tables.</summary>
    private static readonly string[] References = ["sql", "SQL", "query", "answer"], Tables = ["sql_context", "context", "schema"];

    /// <summary>First bytes of packed files.</summary>
    private static readonly (byte[] Start, string Kind)[] Packed =
    [
        ([0x1F, 0x8B], "a gzip file"), ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file"), ([.. "PK\u0003\u0004"u8], "a zip file"),
        ([.. "PAR1"u8], "a Parquet file"),
    ];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file; - for standard input.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="note">Receives what a user may not expect.</param>
    /// <param name="rows">Numbers of rows that the answers may be for: blank lines that a text has after so many are none.</param>
    /// <returns>The answers in order; null where a row has none.</returns>
    /// <exception cref="LapidaryException">The file does not exist, or has another form.</exception>
    public static IReadOnlyList<string?> Read(string path, TextReader input, Action<string> note, params int[] rows)
    {
        string name = path == StandardInput ? "standard input" : path;
        string text = path == StandardInput ? input.ReadToEnd() : TextOf(path);
        var start = text.AsSpan().TrimStart("\uFEFF \t\r\n");
        if (start.IsEmpty) throw new LapidaryException($"{name}: expected predictions, found an empty file.");
        text = text.TrimStart('\uFEFF');
        return start[0] switch
        {
            '[' => OfList(name, List(name, text), note),
            '{' when Whole(text) is { } whole && IsNumbered(whole) => OfNumbers(name, whole, note),
            _ when IsJsonLines(text) => OfLines(name, text, note),
            _ => Queries([.. Lines(text)], rows),
        };
    }

    private static string TextOf(string path)
    {
        const string What = "a file of predictions (- reads standard input)";
        byte[] bytes = InputFile.ReadAllBytes(path, MaxBytes, What);
        foreach (var (start, kind) in Packed)
        {
            if (bytes.AsSpan().StartsWith(start))
                throw new LapidaryException($"{path}: expected predictions as text, found {kind}; unpack it, or write them as JSON Lines.");
        }

        return InputFile.Utf8Text(path, bytes, What);
    }

    /// <summary>The only JSON value of a text; null if it is none, or several.</summary>
    private static JsonElement? Whole(string text)
    {
        try
        {
            return Parsed(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement List(string name, string text)
    {
        try
        {
            return Parsed(text);
        }
        catch (JsonException e)
        {
            throw new LapidaryException(
                $"{name}: begins with [, so expected a JSON list, it is broken at line {e.LineNumber + 1}; write it as a whole.", e);
        }
    }

    /// <summary>Half of a surrogate pair is no text: U+FFFD stands for it, so that one bad answer is one wrong row.</summary>
    private static JsonElement Parsed(string text)
    {
        if (text.Contains("\\ud", StringComparison.OrdinalIgnoreCase))
            text = Escapes().Replace(text, escape => escape.Groups["half"].Success ? "\\ufffd" : escape.Value);
        using var json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }

    /// <summary>An escape of JSON: half of a surrogate pair, or any other.</summary>
    [GeneratedRegex(@"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)")]
    private static partial Regex Escapes();

    /// <summary>Whether the first line that is not null, a missing answer, begins an object or a text.</summary>
    private static bool IsJsonLines(string text) => Lines(text).Select(line => line.Trim())
        .FirstOrDefault(line => line is not ("" or "null")) is not { } first || first[0] is '{' or '"';

    private static string?[] OfList(string name, JsonElement list, Action<string> note)
    {
        string? key = null;
        return [.. list.EnumerateArray().Select((item, i) => OfValue($"{name} item {i + 1}", item, ref key, note))];
    }

    private static string?[] OfLines(string name, string text, Action<string> note)
    {
        string? key = null;
        var answers = new List<string?>();
        int line = 0;
        foreach (string each in Lines(text))
        {
            line++;
            if (string.IsNullOrWhiteSpace(each)) continue;
            var value = Whole(each) ?? throw new LapidaryException($"{name} line {line}: expected JSON, found another line.");
            answers.Add(OfValue($"{name} line {line}", value, ref key, note));
        }

        return [.. answers];
    }

    private static string? OfValue(string where, JsonElement value, ref string? key, Action<string> note)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            key ??= KeyOf(where, value, note);
            if (!value.TryGetProperty(key, out var found))
                throw new LapidaryException($"{where}: expected the key {key}, as in the first prediction, found {Named(value)}.");
            value = found;
        }

        return value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => value.GetString(),
            var kind => throw new LapidaryException($"{where}: expected a text or null, found {$"{kind}".ToLowerInvariant()}."),
        };
    }

    /// <summary>The key of the answers, by the first object.</summary>
    private static string KeyOf(string where, JsonElement value, Action<string> note)
    {
        string key = Keys.FirstOrDefault(name => value.TryGetProperty(name, out _)) ?? throw new LapidaryException(
            $"{where}: expected an object with one of {string.Join(", ", Keys)}, found {Named(value)}.");
        if (References.Contains(key) && Tables.FirstOrDefault(name => value.TryGetProperty(name, out _)) is { } tables)
        {
            note($"{where}: {key} is taken as the prediction, and stands beside {tables}, as the reference of a data set does; if it is "
                + "that, its accuracy says nothing.");
        }

        return key;
    }

    private static string Named(JsonElement json)
    {
        string names = string.Join(", ", json.EnumerateObject().Take(20).Select(member => Printable.Line(member.Name)));
        return names.Length == 0 ? "no keys" : names;
    }

    private static bool IsNumbered(JsonElement json) => json.ValueKind == JsonValueKind.Object && json.EnumerateObject().Any()
        && json.EnumerateObject().All(member => int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static string?[] OfNumbers(string name, JsonElement json, Action<string> note)
    {
        var numbered = json.EnumerateObject()
            .Select(member => (Number: int.Parse(member.Name, CultureInfo.InvariantCulture), member.Value))
            .OrderBy(pair => pair.Number).ToArray();
        int missing = Array.FindIndex([.. numbered.Select((pair, i) => pair.Number == i + numbered[0].Number)], isThere => !isThere);
        if (missing >= 0 || numbered[0].Number > 1)
        {
            int number = missing < 0 ? 0 : numbered[0].Number + missing;
            throw new LapidaryException($"{name}: expected predictions numbered from 0 without a gap, found none of number {number}.");
        }

        string? key = null;
        return [.. numbered.Select(pair => WithoutBird(OfValue($"{name} number {pair.Number}", pair.Value, ref key, note)))];
    }

    /// <summary>The query on each line.</summary>
    private static string?[] Queries(string[] lines, int[] rows)
    {
        int count = Array.FindLastIndex(lines, line => !string.IsNullOrWhiteSpace(line)) + 1;
        int fit = rows.Where(row => row >= count && row <= lines.Length).DefaultIfEmpty(lines.Length).Max();
        lines = lines[..fit];
        if (Array.Exists(lines, line => line.Contains(BirdMark, StringComparison.Ordinal))) return [.. lines.Select(WithoutBird)];

        // A tab may stand in a query too: a database follows only if one follows every query.
        bool haveDatabases = lines.All(line => string.IsNullOrWhiteSpace(line) || EndsWithDatabase(line));
        return haveDatabases ? [.. lines.Select(line => line.Split('\t')[0])] : lines;
    }

    private static string? WithoutBird(string? text) =>
        text?.IndexOf(BirdMark, StringComparison.Ordinal) is >= 0 and var at ? text[..at] : text;

    /// <summary>Whether a line is a query, a tab and a word, as Spider's.</summary>
    private static bool EndsWithDatabase(string line) => line.Split('\t') is [_, var last] && last.Trim() is { Length: > 0 } word
        && word.All(c => char.IsLetterOrDigit(c) || c is '_' or '-');

    /// <summary>The lines of a text; what follows the last line end is one only if it is not empty.</summary>
    private static IEnumerable<string> Lines(string text)
    {
        using var reader = new StringReader(text);
        while (reader.ReadLine() is { } line) yield return line;
    }
}
