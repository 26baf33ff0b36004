using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>The small sections of a tokenizer.json: what stands around the model. Each is checked against the forms that are
/// implemented.</summary>
internal sealed class TokenizerSections(string path, Vocabulary vocabulary, Dictionary<string, JsonElement> sections)
{
    /// <summary>Added tokens. Where the model has the token, both ids must agree.</summary>
    public IEnumerable<AddedToken> AddedTokens()
    {
        if (!TryGet("added_tokens", out var list)) yield break;
        var contents = new HashSet<string>(StringComparer.Ordinal);
        var ids = new HashSet<int>();
        foreach (var token in list.EnumerateArray())
        {
            string content = token.GetProperty("content").GetString() ?? "";
            int id = token.GetProperty("id").GetInt32();
            if (id is < 0 or > Vocabulary.MaxId) throw Error($"added token {Quote(content)} has id {id}, expected 0 to {Vocabulary.MaxId}");
            if (content.Length is 0 or > AddedTokenMatcher.MaxLength)
                throw Error($"added token {id} has {content.Length} characters, expected 1 to {AddedTokenMatcher.MaxLength}");
            if (!contents.Add(content) || !ids.Add(id)) throw Error($"added token {Quote(content)} with id {id} is there twice");
            int known = vocabulary.Find(Encoding.UTF8.GetBytes(content));
            if (known >= 0 ? known != id : vocabulary.Contains(id))
                throw Error($"added token {Quote(content)} has id {id}, but the vocab has {(known >= 0 ? known : "another piece there")}");
            foreach (string flag in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip"])
            {
                if (IsTrue(token, flag)) throw Unsupported($"{flag} = true of added token {Quote(content)}", "false");
            }

            yield return new AddedToken(content, id, IsTrue(token, "special"), IsTrue(token, "normalized"));
        }
    }

    /// <summary>null, or Replace of one character by another.</summary>
    public CharMap? Normalizer()
    {
        if (!TryGet("normalizer", out var normalizer)) return null;
        if (Type(normalizer) == "Sequence" && normalizer.GetProperty("normalizers") is var parts && parts.GetArrayLength() == 1)
            normalizer = parts[0];
        if (Type(normalizer) != "Replace") throw Unsupported($"normalizer {Quote(Type(normalizer))}", "\"Replace\" of a space");
        var (pattern, content) = Replace("normalizer", normalizer);
        if (pattern.Length != 1 || content.Length != 1 || char.IsSurrogate(pattern[0]) || char.IsSurrogate(content[0]))
            throw Unsupported($"normalizer Replace of {Quote(pattern)} by {Quote(content)}", "one character by one other");
        return new CharMap(pattern[0], content[0]);
    }

    /// <summary>null, or Gemma's Split at a character that the normalizer has replaced before, which therefore splits nothing.</summary>
    public void CheckPreTokenizer(CharMap? normalizer)
    {
        if (!TryGet("pre_tokenizer", out var splitter)) return;
        if (Type(splitter) != "Split")
            throw Unsupported($"pre_tokenizer {Quote(Type(splitter))}", "null or Gemma's \"Split\" at the space");
        string pattern = Pattern("pre_tokenizer", splitter);
        bool invert = IsTrue(splitter, "invert");
        if (invert || normalizer is not { } map || map.From == map.To || pattern != map.From.ToString())
            throw Unsupported(
                $"pre_tokenizer Split at {Quote(pattern)}{(invert ? ", inverted" : "")}",
                "a Split at the character that the normalizer replaces");
    }

    /// <summary>null, or TemplateProcessing: ids before and after the one sequence.</summary>
    public (int[] Before, int[] After) Template()
    {
        if (!TryGet("post_processor", out var processor)) return ([], []);
        if (Type(processor) != "TemplateProcessing")
            throw Unsupported($"post_processor {Quote(Type(processor))}", "\"TemplateProcessing\"");
        List<int> before = [], after = [];
        bool seen = false;
        foreach (var part in processor.GetProperty("single").EnumerateArray())
        {
            if (part.TryGetProperty("Sequence", out _))
            {
                if (seen) throw Unsupported("post_processor with the sequence twice", "once");
                seen = true;
                continue;
            }

            string name = part.GetProperty("SpecialToken").GetProperty("id").GetString() ?? "";
            foreach (var id in processor.GetProperty("special_tokens").GetProperty(name).GetProperty("ids").EnumerateArray())
            {
                if (id.GetInt32() is < 0 or > Vocabulary.MaxId)
                    throw Error($"post_processor token {Quote(name)} has id {id.GetInt32()}, expected 0 to {Vocabulary.MaxId}");
                (seen ? after : before).Add(id.GetInt32());
            }
        }

        return seen ? ([.. before], [.. after]) : throw Error("post_processor \"single\" has no sequence");
    }

    /// <summary>Replace, ByteFallback, Fuse; each may be absent, none may stand elsewhere.</summary>
    public PieceDecoding Decoding()
    {
        if (!TryGet("decoder", out var decoder)) throw Unsupported("a missing decoder", "Replace, ByteFallback, Fuse");
        var decoders = Type(decoder) == "Sequence" ? [.. decoder.GetProperty("decoders").EnumerateArray()] : (List<JsonElement>)[decoder];
        string[] order = ["Replace", "ByteFallback", "Fuse"];
        string pattern = "", content = "";
        bool bytes = false;
        int last = -1;
        foreach (var part in decoders)
        {
            int at = Array.IndexOf(order, Type(part));
            if (at <= last) throw Unsupported($"decoder {Quote(Type(part))} at this place", "Replace, ByteFallback, Fuse in this order");
            last = at;
            if (at == 0) (pattern, content) = Replace("decoder", part);
            bytes |= at == 1;
        }

        return new PieceDecoding(Encoding.UTF8.GetBytes(pattern), Encoding.UTF8.GetBytes(content), bytes);
    }

    private bool TryGet(string name, out JsonElement section) =>
        sections.TryGetValue(name, out section) && section.ValueKind != JsonValueKind.Null;

    private static string Type(JsonElement part) => part.GetProperty("type").GetString() ?? "";

    private static bool IsTrue(JsonElement part, string flag) =>
        part.TryGetProperty(flag, out var value) && value.ValueKind == JsonValueKind.True;

    private string Pattern(string section, JsonElement part)
    {
        if (!part.GetProperty("pattern").TryGetProperty("String", out var text))
            throw Unsupported($"{section} with a pattern that is not a String", "a String");
        return text.GetString() ?? "";
    }

    private (string Pattern, string Content) Replace(string section, JsonElement part)
    {
        string pattern = Pattern(section, part);
        return pattern.Length > 0
            ? (pattern, part.GetProperty("content").GetString() ?? "")
            : throw Unsupported($"{section} Replace of an empty pattern", "a character");
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text.Length <= 60 ? text : text[..60])}\"";

    private LapidaryException Error(string what) => new($"{path}: {what}; download it again.");

    private LapidaryException Unsupported(string found, string expected) => new($"{path}: {found} is not supported, expected {expected}.");
}
