using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>Reads a tokenizer.json of Gemma's kind: byte-pair encoding with "▁" for the space. Straight from the bytes, since the file has
/// 33 MB, a quarter of a million pieces and twice as many merges. Anything that would change the ids and is not implemented is
/// refused.</summary>
internal sealed class TokenizerFile
{
    private const long MaxFileBytes = 1L << 30;

    private readonly string _path;
    private readonly byte[] _json;
    private readonly List<(int Left, int Right, int Merged)> _merges = [];
    private readonly byte[] _joined = new byte[2 * Vocabulary.MaxPieceBytes];
    private long _mergesStart = -1;
    private bool _hasModel;

    private TokenizerFile(string path, byte[] json)
    {
        _path = path;
        _json = json;
    }

    /// <summary>The model's pieces, before added tokens.</summary>
    public Vocabulary Vocabulary { get; } = new();

    /// <summary>Added tokens in file order.</summary>
    public List<AddedToken> AddedTokens { get; } = [];

    /// <summary>The merges.</summary>
    public MergeTable Merges { get; private set; } = null!;

    /// <summary>Whether a merge has a byte piece or unk as a part.</summary>
    public bool HasOpaqueMerges { get; private set; }

    /// <summary>The space's replacement, if any.</summary>
    public CharMap? Normalizer { get; private set; }

    /// <summary>Ids of the pieces &lt;0x00&gt; … &lt;0xFF&gt;, -1 where absent; null without byte fallback.</summary>
    public int[]? Bytes { get; private set; }

    /// <summary>Id that stands for unknown characters.</summary>
    public int? Unknown { get; private set; }

    /// <summary>Whether neighbouring unknown characters become one token.</summary>
    public bool FuseUnknown { get; private set; }

    /// <summary>Ids that the post-processor puts before and after a text.</summary>
    public (int[] Before, int[] After) Template { get; private set; } = ([], []);

    /// <summary>How pieces become text.</summary>
    public PieceDecoding Decoding { get; private set; } = new([], [], false);

    /// <summary>Reads the file.</summary>
    /// <exception cref="LapidaryException">The file is absent, malformed or uses what is not supported.</exception>
    public static TokenizerFile Read(string path)
    {
        try
        {
            if (!Path.Exists(path))
                throw new LapidaryException($"{path}: not found; a model folder must hold the tokenizer.json that came with the model.");
            var file = new TokenizerFile(path, InputFile.ReadAllBytes(path, MaxFileBytes, "a tokenizer"));
            file.Parse();
            return file;
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            throw new LapidaryException(
                $"{path}: not a valid tokenizer.json ({error.Message.ReplaceLineEndings(" ")}); download it again.", error);
        }
    }

    private void Parse()
    {
        var reader = new Utf8JsonReader(_json.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? _json.AsSpan(3) : _json);
        var sections = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Expect(ref reader, JsonTokenType.StartObject, "an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "model") ReadModel(ref reader);
            else sections[name] = JsonElement.ParseValue(ref reader);
        }

        if (reader.Read()) throw Invalid("has text after its closing brace");
        if (!_hasModel) throw Invalid("has no \"model\"");
        var parts = new TokenizerSections(_path, Vocabulary, sections);
        AddedTokens.AddRange(parts.AddedTokens());
        Normalizer = parts.Normalizer();
        parts.CheckPreTokenizer(Normalizer);
        Template = parts.Template();
        Decoding = parts.Decoding();
    }

    private void ReadModel(ref Utf8JsonReader reader)
    {
        if (_hasModel) throw Invalid("has two models");
        _hasModel = true;
        if (reader.TokenType != JsonTokenType.StartObject) throw Invalid("has a model that is not an object");
        var options = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        bool hasVocabulary = false, hasMerges = false;
        Utf8JsonReader postponed = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "vocab" && !hasVocabulary)
            {
                if (options.TryGetValue("type", out var type)) CheckType(type);
                hasVocabulary = true;
                ReadVocabulary(ref reader);
            }
            else if (name == "merges" && !hasMerges)
            {
                hasMerges = true;
                postponed = reader;
                if (hasVocabulary) ReadMerges(ref reader);
                else reader.Skip();
                _mergesStart = hasVocabulary ? -1 : reader.BytesConsumed;
            }
            else
            {
                options[name] = JsonElement.ParseValue(ref reader);
            }
        }

        CheckType(options.GetValueOrDefault("type"));
        if (!hasVocabulary || !hasMerges) throw Invalid($"has a model without \"{(hasVocabulary ? "merges" : "vocab")}\"");
        if (_mergesStart >= 0) ReadMerges(ref postponed);
        ReadOptions(options);
        Merges = new MergeTable(_merges);
        HasOpaqueMerges = _merges.Exists(merge => IsOpaque(merge.Left) || IsOpaque(merge.Right));
    }

    private void CheckType(JsonElement type)
    {
        string? name = type.ValueKind == JsonValueKind.String ? type.GetString() : null;
        if (name != "BPE") throw Unsupported($"model type {(name is null ? "(none)" : $"\"{name}\"")}", "\"BPE\"");
    }

    private void ReadOptions(Dictionary<string, JsonElement> options)
    {
        foreach (string name in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (options.GetValueOrDefault(name) is { ValueKind: JsonValueKind.String } text && text.GetString() != "")
                throw Unsupported($"model.{name}", "null");
        }

        if (options.GetValueOrDefault("dropout") is { ValueKind: JsonValueKind.Number } dropout && dropout.GetDouble() != 0)
            throw Unsupported("model.dropout", "null");
        if (IsTrue("ignore_merges")) throw Unsupported("model.ignore_merges = true", "false");
        FuseUnknown = IsTrue("fuse_unk");
        if (options.GetValueOrDefault("unk_token") is { ValueKind: JsonValueKind.String } unknown)
        {
            int id = Vocabulary.Find(Encoding.UTF8.GetBytes(unknown.GetString()!));
            if (id < 0) throw Invalid($"has unk_token \"{unknown.GetString()}\", which is not in its vocab");
            Unknown = id;
        }

        if (!IsTrue("byte_fallback")) return;
        Bytes = new int[256];
        for (int value = 0; value < 256; value++) Bytes[value] = Vocabulary.Find(Encoding.UTF8.GetBytes($"<0x{value:X2}>"));

        bool IsTrue(string name) => options.GetValueOrDefault(name).ValueKind == JsonValueKind.True;
    }

    private void ReadVocabulary(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Unsupported("a vocab that is not an object", "{\"piece\": id}");
        byte[] buffer = new byte[Vocabulary.MaxPieceBytes];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var piece = Text(ref reader, buffer);
            reader.Read();
            if (!reader.TryGetInt32(out int id) || id is < 0 or > Vocabulary.MaxId)
                throw Invalid($"has a vocab id that is not a number from 0 to {Vocabulary.MaxId}");
            if (!Vocabulary.TryAdd(piece, id)) throw Invalid($"has the piece \"{Printable(piece)}\" or the id {id} twice in its vocab");
        }
    }

    private void ReadMerges(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Invalid("has merges that are not a list");
        byte[] buffer = new byte[2 * Vocabulary.MaxPieceBytes];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                var pair = Text(ref reader, buffer);
                int space = pair.IndexOf((byte)' ');
                if (space < 0 || pair[(space + 1)..].Contains((byte)' '))
                    throw Invalid($"has the merge \"{Printable(pair)}\", expected two pieces");
                AddMerge(pair[..space], pair[(space + 1)..]);
                continue;
            }

            if (reader.TokenType != JsonTokenType.StartArray) throw Invalid("has a merge that is neither [\"a\", \"b\"] nor \"a b\"");
            Expect(ref reader, JsonTokenType.String, "the left piece of a merge");
            var left = Text(ref reader, buffer.AsSpan(0, Vocabulary.MaxPieceBytes));
            Expect(ref reader, JsonTokenType.String, "the right piece of a merge");
            AddMerge(left, Text(ref reader, buffer.AsSpan(Vocabulary.MaxPieceBytes)));
            Expect(ref reader, JsonTokenType.EndArray, "two pieces in a merge");
        }
    }

    private void AddMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length + right.Length > _joined.Length) throw Invalid("has a merge of overlong pieces");
        left.CopyTo(_joined);
        right.CopyTo(_joined.AsSpan(left.Length));
        var joined = _joined.AsSpan(0, left.Length + right.Length);
        var merge = (Left: Vocabulary.Find(left), Right: Vocabulary.Find(right), Merged: Vocabulary.Find(joined));
        if (merge.Left < 0 || merge.Right < 0 || merge.Merged < 0)
            throw Invalid($"has merge {_merges.Count} of \"{Printable(left)}\" and \"{Printable(right)}\", not all in its vocab");
        _merges.Add(merge);
    }

    private bool IsOpaque(int id) => id == Unknown || (Bytes is not null && PieceDecoding.TryReadByte(Vocabulary[id], out _));

    // The string under the reader as UTF-8: a view of the file, or unescaped into the buffer.
    private ReadOnlySpan<byte> Text(ref Utf8JsonReader reader, Span<byte> buffer)
    {
        if (reader.ValueSpan.Length > buffer.Length)
            throw Invalid($"has a piece of {reader.ValueSpan.Length} bytes, expected at most {Vocabulary.MaxPieceBytes}");
        return reader.ValueIsEscaped ? buffer[..reader.CopyString(buffer)] : reader.ValueSpan;
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (!reader.Read() || reader.TokenType != type) throw Invalid($"expected {what} at byte {reader.TokenStartIndex}");
    }

    private static string Printable(ReadOnlySpan<byte> piece) =>
        JsonEncodedText.Encode(Encoding.UTF8.GetString(piece[..Math.Min(piece.Length, 60)])).ToString();

    private LapidaryException Invalid(string what) => new($"{_path}: {what}; download it again.");

    private LapidaryException Unsupported(string found, string expected) => new($"{_path}: {found} is not supported, expected {expected}.");
}

/// <summary>A token that is matched in the text before the model sees it.</summary>
internal sealed record AddedToken(string Content, int Id, bool Special, bool Normalized);
