using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Text;

/// <summary>Reads a tokenizer.json of Gemma's kind: byte-pair encoding with "▁" for the space. It reads the bytes directly, because the
/// file has 33 MB, a quarter of a million pieces and twice as many merges. Any unsupported feature that would change the ids is
/// refused.</summary>
internal sealed class TokenizerFile
{
    private const long MaxFileBytes = 1L << 30;

    private readonly string _path;
    private readonly byte[] _json;
    private readonly Vocabulary _vocabulary = new();
    private readonly List<(int Left, int Right, int Merged)> _merges = [];
    private readonly byte[] _joined = new byte[2 * Vocabulary.MaxPieceBytes];
    private long _mergesStart = -1;
    private bool _hasModel;
    private string _key = ""; // being read

    private int[]? _bytes;
    private int? _unknown;
    private bool _fuseUnknown;

    private TokenizerFile(string path, byte[] json) => (_path, _json) = (path, json);

    /// <summary>The file without a byte order mark.</summary>
    private ReadOnlySpan<byte> Content => _json.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? _json.AsSpan(3) : _json;

    /// <summary>Reads the file.</summary>
    /// <exception cref="LapidaryException">The file is missing, malformed or uses an unsupported feature.</exception>
    public static TokenizerParts Read(string path)
    {
        if (!Path.Exists(path))
            throw new LapidaryException($"{path}: not found; a model folder must hold the tokenizer.json that came with the model.");
        byte[] json = InputFile.ReadAllBytes(path, MaxFileBytes, "a tokenizer");
        if (!Utf8.IsValid(json)) throw new LapidaryException($"{path}: expected UTF-8, found other bytes; download it again.");
        var file = new TokenizerFile(path, json);
        try
        {
            return file.Parse();
        }
        catch (JsonException error)
        {
            var fault = JsonFault.Of(file.Content, error);
            throw new LapidaryException($"{path}: expected JSON, found {fault}; download it again.", error);
        }
        catch (Exception error) when (
            error is InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            string where = file._key.Length == 0 ? "" : file._key + ": ";
            throw new LapidaryException(
                $"{path}: {where}not a valid tokenizer.json ({FileErrors.OneLine(error.Message)}); download it again.", error);
        }
    }

    private TokenizerParts Parse()
    {
        var reader = new Utf8JsonReader(Content);
        var sections = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Expect(ref reader, JsonTokenType.StartObject, "an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            _key = FileErrors.OneLine(name);
            reader.Read();
            if (name == "model") ReadModel(ref reader);
            else sections[name] = JsonElement.ParseValue(ref reader);
        }

        _key = "";
        if (reader.Read()) throw Invalid("has text after its closing brace");
        if (!_hasModel) throw Invalid("has no \"model\"");
        var parts = new TokenizerSections(_path, _vocabulary, sections);
        var addedTokens = parts.AddedTokens().ToArray();
        var normalizer = parts.Normalizer();
        parts.CheckPreTokenizer(normalizer);
        var (before, after) = parts.Template();
        return new TokenizerParts
        {
            Hash = XxHash128.HashToUInt128(_json),
            Vocabulary = _vocabulary,
            Merges = new MergeTable(_merges),
            HasOpaqueMerges = _merges.Exists(merge => IsOpaque(merge.Left) || IsOpaque(merge.Right)),
            AddedTokens = addedTokens,
            Normalizer = normalizer,
            Bytes = _bytes,
            Unknown = _unknown,
            FuseUnknown = _fuseUnknown,
            Before = before,
            After = after,
            Decoding = parts.Decoding(),
        };
    }

    private void ReadModel(ref Utf8JsonReader reader)
    {
        if (_hasModel) throw Invalid("has two models");
        _hasModel = true;
        if (reader.TokenType != JsonTokenType.StartObject) throw Invalid("model: expected an object, found another value");
        var options = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        bool hasVocabulary = false, hasMerges = false;
        Utf8JsonReader postponed = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            _key = "model." + FileErrors.OneLine(name);
            reader.Read();
            if ((name == "vocab" && hasVocabulary) || (name == "merges" && hasMerges)) throw Invalid($"{_key} is there twice");
            if (name == "vocab")
            {
                if (options.TryGetValue("type", out var type)) CheckType(type);
                hasVocabulary = true;
                ReadVocabulary(ref reader);
            }
            else if (name == "merges")
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

        _key = "model";
        CheckType(options.GetValueOrDefault("type"));
        if (!hasVocabulary || !hasMerges) throw Invalid($"has a model without \"{(hasVocabulary ? "merges" : "vocab")}\"");
        if (_mergesStart >= 0) ReadMerges(ref postponed);
        ReadOptions(options);
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
            if (options.TryGetValue(name, out var text) && text.ValueKind != JsonValueKind.Null && !text.ValueEquals(""))
                throw Unsupported($"model.{name} = {FileErrors.OneLine(text.GetRawText())}", "null");
        }

        if (options.TryGetValue("dropout", out var dropout) && dropout.ValueKind != JsonValueKind.Null && dropout.GetDouble() != 0)
            throw Unsupported($"model.dropout = {dropout.GetRawText()}", "null");
        if (IsTrue("ignore_merges")) throw Unsupported("model.ignore_merges = true", "false");
        _fuseUnknown = IsTrue("fuse_unk");
        if (options.TryGetValue("unk_token", out var unknown) && unknown.ValueKind != JsonValueKind.Null)
        {
            int id = _vocabulary.Find(Encoding.UTF8.GetBytes(unknown.GetString()!));
            if (id < 0)
                throw Invalid($"model.unk_token: expected a piece of model.vocab, found {FileErrors.OneLine(unknown.GetRawText())}");
            _unknown = id;
        }

        if (!IsTrue("byte_fallback")) return;
        _bytes = new int[256];
        for (int value = 0; value < 256; value++) _bytes[value] = _vocabulary.Find(Encoding.UTF8.GetBytes($"<0x{value:X2}>"));

        bool IsTrue(string name)
        {
            var kind = options.GetValueOrDefault(name).ValueKind;
            if (kind is JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.False) return false;
            return kind == JsonValueKind.True ? true : throw Invalid($"model.{name}: expected true or false, found another value");
        }
    }

    private void ReadVocabulary(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Unsupported("model.vocab that is not an object", "{\"piece\": id}");
        byte[] buffer = new byte[Vocabulary.MaxPieceBytes];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var piece = Text(ref reader, buffer);
            reader.Read();
            if (!reader.TryGetInt32(out int id) || id is < 0 or > Vocabulary.MaxId)
                throw Invalid($"model.vocab: expected ids from 0 to {Vocabulary.MaxId}, found another value for \"{Printable(piece)}\"");
            if (!_vocabulary.TryAdd(piece, id)) throw Invalid($"model.vocab: has the piece \"{Printable(piece)}\" or the id {id} twice");
        }
    }

    private void ReadMerges(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Invalid("model.merges: expected a list, found another value");
        byte[] buffer = new byte[2 * Vocabulary.MaxPieceBytes];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                var pair = Text(ref reader, buffer);
                int space = pair.IndexOf((byte)' ');
                if (space < 0 || pair[(space + 1)..].Contains((byte)' '))
                    throw Invalid($"model.merges: expected two pieces in merge {_merges.Count}, found \"{Printable(pair)}\"");
                AddMerge(pair[..space], pair[(space + 1)..]);
                continue;
            }

            if (reader.TokenType != JsonTokenType.StartArray)
                throw Invalid($"model.merges: merge {_merges.Count} is neither [\"a\", \"b\"] nor \"a b\"");
            Expect(ref reader, JsonTokenType.String, "the left piece of a merge");
            var left = Text(ref reader, buffer.AsSpan(0, Vocabulary.MaxPieceBytes));
            Expect(ref reader, JsonTokenType.String, "the right piece of a merge");
            AddMerge(left, Text(ref reader, buffer.AsSpan(Vocabulary.MaxPieceBytes)));
            Expect(ref reader, JsonTokenType.EndArray, "two pieces in a merge");
        }
    }

    private void AddMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length + right.Length > _joined.Length) throw Invalid($"model.merges: merge {_merges.Count} has overlong pieces");
        left.CopyTo(_joined);
        right.CopyTo(_joined.AsSpan(left.Length));
        var joined = _joined.AsSpan(0, left.Length + right.Length);
        var merge = (Left: _vocabulary.Find(left), Right: _vocabulary.Find(right), Merged: _vocabulary.Find(joined));
        if (merge.Left < 0 || merge.Right < 0 || merge.Merged < 0)
        {
            throw Invalid(
                $"model.merges: merge {_merges.Count} of \"{Printable(left)}\" and \"{Printable(right)}\" is not all in model.vocab");
        }

        _merges.Add(merge);
    }

    private bool IsOpaque(int id) => id == _unknown || (_bytes is not null && PieceDecoding.TryReadByte(_vocabulary[id], out _));

    // The string under the reader as UTF-8: a view of the file, or unescaped into the buffer.
    private ReadOnlySpan<byte> Text(ref Utf8JsonReader reader, Span<byte> buffer)
    {
        if (reader.ValueSpan.Length > buffer.Length)
            throw Invalid($"{_key}: found a piece of {reader.ValueSpan.Length} bytes, expected at most {Vocabulary.MaxPieceBytes}");
        return reader.ValueIsEscaped ? buffer[..reader.CopyString(buffer)] : reader.ValueSpan;
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (reader.Read() && reader.TokenType == type) return;
        throw Invalid($"{(_key.Length == 0 ? "" : _key + ": ")}expected {what} at byte {reader.TokenStartIndex}");
    }

    private static string Printable(ReadOnlySpan<byte> piece) =>
        JsonEncodedText.Encode(Encoding.UTF8.GetString(piece[..Math.Min(piece.Length, 60)])).ToString();

    private LapidaryException Invalid(string what) => new($"{_path}: {what}; download it again.");

    private LapidaryException Unsupported(string found, string expected) => new($"{_path}: {found} is not supported, expected {expected}.");
}
