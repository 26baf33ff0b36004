using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>The small sections of a tokenizer.json, around the model. Each is checked against the supported forms.</summary>
internal sealed class TokenizerSections(string path, Vocabulary vocabulary, Dictionary<string, JsonElement> sections)
{
    /// <summary>Added tokens. Where the model has the token, both ids must agree.</summary>
    public IEnumerable<AddedToken> AddedTokens()
    {
        if (!TryGet("added_tokens", out var list)) yield break;
        var contents = new HashSet<string>(StringComparer.Ordinal);
        var ids = new HashSet<int>();
        int index = 0;
        foreach (var token in Items("added_tokens", list))
        {
            string where = $"added_tokens[{index++}]", content = Text(where, token, "content");
            int id = Id($"{where}.id", Member(where, token, "id"));
            if (content.Length is 0 or > AddedTokenMatcher.MaxLength)
                throw Error($"{where}.content: expected 1 to {AddedTokenMatcher.MaxLength} characters, found {content.Length}");
            if (!contents.Add(content) || !ids.Add(id))
                throw Error($"{where}: expected each token once, found {Quote(content)}, id {id}, again");
            int known = vocabulary.Find(Encoding.UTF8.GetBytes(content));
            if (known >= 0 ? known != id : vocabulary.Contains(id))
                throw Error($"{where}: {Quote(content)} has id {id}, but model.vocab has {(known >= 0 ? known : "another piece there")}");
            foreach (string flag in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip"])
            {
                if (IsTrue(where, token, flag)) throw Unsupported($"{where}.{flag} = true of {Quote(content)}", "false");
            }

            yield return new AddedToken(content, id, IsTrue(where, token, "special"), IsTrue(where, token, "normalized"));
        }
    }

    /// <summary>null, or Replace of one character by another.</summary>
    public CharMap? Normalizer()
    {
        const string Where = "normalizer";
        if (!TryGet(Where, out var normalizer)) return null;
        if (Type(Where, normalizer) == "Sequence")
        {
            var parts = Items($"{Where}.normalizers", Member(Where, normalizer, "normalizers"));
            if (parts.Count != 1) throw Unsupported($"{Where} \"Sequence\" of {parts.Count}", "one \"Replace\" of a space");
            normalizer = parts[0];
        }

        if (Type(Where, normalizer) is var type && type != "Replace") throw Unsupported($"{Where} {Quote(type)}", "\"Replace\" of a space");
        var (pattern, content) = Replace(Where, normalizer);
        if (pattern.Length != 1 || content.Length != 1 || char.IsSurrogate(pattern[0]) || char.IsSurrogate(content[0]))
            throw Unsupported($"{Where} Replace of {Quote(pattern)} by {Quote(content)}", "one character by one other");
        return new CharMap(pattern[0], content[0]);
    }

    /// <summary>null, or Gemma's Split at a character that the normalizer has already replaced, and which therefore splits
    /// nothing.</summary>
    public void CheckPreTokenizer(CharMap? normalizer)
    {
        const string Where = "pre_tokenizer";
        if (!TryGet(Where, out var splitter)) return;
        string type = Type(Where, splitter);
        if (type != "Split") throw Unsupported($"{Where} {Quote(type)}", "null or Gemma's \"Split\" at the space");
        string pattern = Pattern(Where, splitter);
        bool invert = IsTrue(Where, splitter, "invert");
        if (invert || normalizer is not { } map || map.From == map.To || pattern != map.From.ToString())
            throw Unsupported(
                $"{Where} Split at {Quote(pattern)}{(invert ? ", inverted" : "")}",
                "a Split at the character that the normalizer replaces");
    }

    /// <summary>null, or TemplateProcessing: ids before and after the one sequence.</summary>
    public (int[] Before, int[] After) Template()
    {
        const string Where = "post_processor", Tokens = Where + ".special_tokens";
        if (!TryGet(Where, out var processor)) return ([], []);
        string type = Type(Where, processor);
        if (type != "TemplateProcessing") throw Unsupported($"{Where} {Quote(type)}", "\"TemplateProcessing\"");
        List<int> before = [], after = [];
        bool seen = false;
        foreach (var part in Items($"{Where}.single", Member(Where, processor, "single")))
        {
            Require($"{Where}.single", part, JsonValueKind.Object);
            if (part.TryGetProperty("Sequence", out _))
            {
                if (seen) throw Unsupported($"{Where}.single with the sequence twice", "once");
                seen = true;
                continue;
            }

            string name = Text($"{Where}.single.SpecialToken", Member($"{Where}.single", part, "SpecialToken"), "id");
            var token = Member(Tokens, Member(Where, processor, "special_tokens"), name);
            foreach (var id in Items($"{Tokens}.ids", Member(Tokens, token, "ids"))) (seen ? after : before).Add(Id($"{Tokens}.ids", id));
        }

        return seen ? ([.. before], [.. after]) : throw Error($"{Where}.single: expected a sequence, found none");
    }

    /// <summary>Replace, ByteFallback, Fuse; each is optional, and no other is supported.</summary>
    public PieceDecoding Decoding()
    {
        const string Where = "decoder";
        if (!TryGet(Where, out var decoder)) throw Unsupported($"a missing {Where}", "Replace, ByteFallback, Fuse");
        var decoders = Type(Where, decoder) == "Sequence"
            ? Items($"{Where}.decoders", Member(Where, decoder, "decoders"))
            : [decoder];
        string[] order = ["Replace", "ByteFallback", "Fuse"];
        string pattern = "", content = "";
        bool bytes = false;
        int last = -1;
        foreach (var part in decoders)
        {
            string type = Type(Where, part);
            int at = Array.IndexOf(order, type);
            if (at <= last) throw Unsupported($"{Where} {Quote(type)} at this place", "Replace, ByteFallback, Fuse in this order");
            last = at;
            if (at == 0) (pattern, content) = Replace(Where, part);
            bytes |= at == 1;
        }

        return new PieceDecoding(Encoding.UTF8.GetBytes(pattern), Encoding.UTF8.GetBytes(content), bytes);
    }

    private bool TryGet(string name, out JsonElement section) =>
        sections.TryGetValue(name, out section) && section.ValueKind != JsonValueKind.Null;

    private string Type(string where, JsonElement part) => Text(where, part, "type");

    private string Pattern(string where, JsonElement part)
    {
        var pattern = Member(where, part, "pattern");
        Require($"{where}.pattern", pattern, JsonValueKind.Object);
        return pattern.TryGetProperty("String", out _)
            ? Text($"{where}.pattern", pattern, "String")
            : throw Unsupported($"{where}.pattern that is not a String", "a String");
    }

    private (string Pattern, string Content) Replace(string where, JsonElement part)
    {
        string pattern = Pattern(where, part);
        return pattern.Length > 0
            ? (pattern, Text(where, part, "content"))
            : throw Unsupported($"{where} Replace of an empty pattern", "a character");
    }

    private JsonElement Member(string where, JsonElement part, string key)
    {
        Require(where, part, JsonValueKind.Object);
        return part.TryGetProperty(key, out var value) ? value : throw Error($"{where}: expected {Quote(key)}, found none");
    }

    private string Text(string where, JsonElement part, string key)
    {
        var value = Member(where, part, key);
        Require($"{where}.{key}", value, JsonValueKind.String);
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new LapidaryException($"{path}: {where}.{key}: expected a string, found half a character; download it again.", error);
        }
    }

    private List<JsonElement> Items(string where, JsonElement list)
    {
        Require(where, list, JsonValueKind.Array);
        return [.. list.EnumerateArray()];
    }

    private int Id(string where, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and <= Vocabulary.MaxId
            ? id
            : throw Error($"{where}: expected a number from 0 to {Vocabulary.MaxId}, found {Shown(value)}");

    private bool IsTrue(string where, JsonElement part, string flag)
    {
        if (!part.TryGetProperty(flag, out var value) || value.ValueKind is JsonValueKind.Null or JsonValueKind.False) return false;
        return value.ValueKind == JsonValueKind.True ? true : throw Error($"{where}.{flag}: expected true or false, found {Shown(value)}");
    }

    private void Require(string where, JsonElement value, JsonValueKind kind)
    {
        if (value.ValueKind == kind) return;
        string expected = kind switch { JsonValueKind.Array => "a list", JsonValueKind.String => "a string", _ => "an object" };
        throw Error($"{where}: expected {expected}, found {Shown(value)}");
    }

    private static string Shown(JsonElement value) => FileErrors.OneLine(value.GetRawText());

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text.Length <= 60 ? text : text[..60])}\"";

    private LapidaryException Error(string what) => new($"{path}: {what}; download it again.");

    private LapidaryException Unsupported(string found, string expected) => new($"{path}: {found} is not supported, expected {expected}.");
}
