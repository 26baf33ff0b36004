using System.Runtime.CompilerServices;
using System.Text;
using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Text;
using Lapidary.Gemma.Text.BytePairs;
using Lapidary.Hub;

namespace Lapidary.Gemma;

/// <summary>Gemma's tokenizer: byte-pair encoding with byte fallback, read from a Hugging Face tokenizer.json. Ids and text equal those of
/// Hugging Face's `tokenizers` exactly. Immutable and thread-safe, apart from a bounded internal cache of words.</summary>
/// <remarks>A text is split at added tokens (leftmost, longest), each part is split into words that no piece of the vocabulary crosses, and
/// each word is merged by rank. Decoding a text's ids returns the text, except that a literal "▁" becomes a space and a lone surrogate
/// becomes U+FFFD.</remarks>
public sealed class Tokenizer
{
    /// <summary>The file's name in a model folder.</summary>
    internal const string FileName = HubFiles.TokenizerName;

    private readonly Vocabulary _vocabulary;
    // For a few thousand tokens: building a frozen dictionary takes longer than all look-ups of a run.
    private readonly Dictionary<string, int> _addedIds;
    private readonly Dictionary<int, string> _addedContents;
    private readonly HashSet<int> _special;
    private readonly AddedTokenMatcher? _literalTokens;
    private readonly AddedTokenMatcher? _normalizedTokens;
    private readonly HashSet<int> _control;
    private readonly Lazy<AddedTokenMatcher?> _controlTokens;
    private readonly BytePairModel _model;
    private readonly WordSplitter _splitter;
    private readonly WordCache _cache = new();
    private readonly PieceDecoding _decoding;
    private readonly int[] _before;
    private readonly int[] _after;
    private readonly UInt128 _fileHash;

    private Tokenizer(string folder, TokenizerParts file, TokenizerConfig config)
    {
        Folder = Path.GetFullPath(folder);
        _vocabulary = file.Vocabulary;
        _decoding = file.Decoding;
        _addedIds = file.AddedTokens.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        _addedContents = file.AddedTokens.ToDictionary(token => token.Id, token => token.Content);
        _special = file.AddedTokens.Where(token => token.Special).Select(token => token.Id).ToHashSet();
        _literalTokens = Matcher(file.AddedTokens.Where(token => !token.Normalized), normalizer: null);
        _normalizedTokens = Matcher(file.AddedTokens.Where(token => token.Normalized), file.Normalizer);
        _model = new BytePairModel(_vocabulary, file.Merges, file.Normalizer, file.Bytes, file.Unknown, file.FuseUnknown);
        _splitter = new WordSplitter(_vocabulary, file.Normalizer, file.HasOpaqueMerges);
        VocabSize = Math.Max(_vocabulary.Size, file.AddedTokens.Select(token => token.Id + 1).DefaultIfEmpty().Max());
        BosToken = config["bos_token"] ?? (TokenId("<bos>") is null ? null : "<bos>");
        EosToken = config["eos_token"] ?? (TokenId("<eos>") is null ? null : "<eos>");
        BosTokenId = BosToken is null ? null : TokenId(BosToken);
        EosTokenId = EosToken is null ? null : TokenId(EosToken);
        PadTokenId = TokenId(config["pad_token"] ?? "<pad>");
        UnkTokenId = TokenId(config["unk_token"] ?? "<unk>");
        EndOfTurnTokenId = TokenId("<end_of_turn>");
        _control =
        [
            .. _special, .. new[] { BosTokenId, EosTokenId, PadTokenId, UnkTokenId, EndOfTurnTokenId, TokenId("<start_of_turn>") }
                .OfType<int>().Where(_addedContents.ContainsKey),
        ];
        _controlTokens = new(() => Matcher(file.AddedTokens.Where(token => _control.Contains(token.Id)), normalizer: null));
        (_before, _after) = (file.Before, file.After);
        _fileHash = file.Hash;
        if (config.AddBosToken is { } bos) _before = bos ? [.. IdOf("bos_token", BosTokenId).Union(_before)] : [];
        if (config.AddEosToken is { } eos) _after = eos ? [.. _after.Union(IdOf("eos_token", EosTokenId))] : [];

        int[] IdOf(string name, int? id) => [id ?? throw new LapidaryException(
            $"{Folder}: tokenizer_config.json: add_{name} is true, expected a {name} of the vocabulary, found none; correct the file.")];
    }

    /// <summary>The folder that it was read from.</summary>
    public string Folder { get; }

    /// <summary>Identifies the tokenizer: one that produces other ids, or begins or ends texts differently, has another value.</summary>
    internal string Identity =>
        $"{_fileHash:x32} {string.Join(',', _before)} {string.Join(',', _after)} {BosTokenId} {EosTokenId} {EosToken} {EndOfTurnTokenId}";

    /// <summary>Whether the tokenizer puts a BOS before texts, from add_bos_token of tokenizer_config.json, else from
    /// tokenizer.json.</summary>
    public bool AddsBos => BosTokenId is { } id && _before.Contains(id);

    /// <summary>Number of ids: the highest id plus one, added tokens included. The embedding may have more rows.</summary>
    public int VocabSize { get; }

    /// <summary>Text of the token that begins a sequence, for chat templates.</summary>
    public string? BosToken { get; }

    /// <summary>Text of the token that ends a sequence.</summary>
    public string? EosToken { get; }

    /// <summary>Id of the token that begins a sequence; for Gemma 2.</summary>
    public int? BosTokenId { get; }

    /// <summary>Id of the token that ends a sequence; for Gemma 1 (&lt;eos&gt;), or 106 if the files name &lt;end_of_turn&gt;.</summary>
    public int? EosTokenId { get; }

    /// <summary>Id of the padding token; for Gemma 0.</summary>
    public int? PadTokenId { get; }

    /// <summary>Id of the unknown token; for Gemma 3.</summary>
    public int? UnkTokenId { get; }

    /// <summary>Id of the token that ends a turn of a conversation; for Gemma 106.</summary>
    public int? EndOfTurnTokenId { get; }

    /// <summary>Reads tokenizer.json of a model folder, and the names of the special tokens from tokenizer_config.json or
    /// special_tokens_map.json if present.</summary>
    /// <param name="folderOrId">A folder, or a Hub id ("google/gemma-3-1b-it", "owner/name@revision"), whose tokenizer is fetched if not
    /// cached.</param>
    /// <param name="hub">The client that fetches it; null for one configured by the environment.</param>
    /// <exception cref="LapidaryException">The file is missing, malformed, or uses an unsupported feature (named in the message); or the
    /// Hub refused.</exception>
    public static Tokenizer Load(string folderOrId, HubClient? hub = null)
    {
        string folder = ModelSource.Find(folderOrId, HubFiles.Tokenizer, hub).Folder;
        return Read(folder, TokenizerCache.Default());
    }

    /// <summary>Reads the tokenizer of a folder with a cache.</summary>
    internal static Tokenizer Read(string folder, TokenizerCache cache) =>
        new(folder, cache.Read(Path.Combine(folder, FileName)), TokenizerConfig.Read(folder));

    /// <summary>The token ids of a text.</summary>
    /// <param name="text">Any text. Special tokens written in it become those tokens, as in Hugging Face.</param>
    /// <param name="addSpecialTokens">Whether to add the tokens of the tokenizer's post-processor: for Gemma, &lt;bos&gt; in front.</param>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Run(text, addSpecialTokens, addSpecialTokens, withSpans: false).Ids();
    }

    /// <summary>The token ids of a text and the range of characters of each, for masking parts of a text.</summary>
    /// <inheritdoc cref="Encode"/>
    public TokenizedText EncodeWithOffsets(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = Run(text, addSpecialTokens, addSpecialTokens, withSpans: true);
        return new TokenizedText(tokens.Ids(), tokens.Spans());
    }

    /// <summary>The token ids of a complete text, with the tokenizer's added tokens (for Gemma, &lt;bos&gt; in front), but no second BOS or
    /// EOS if the text already has it.</summary>
    public int[] EncodeText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool ends = EosToken is not null && text.EndsWith(EosToken, StringComparison.Ordinal);
        return Run(text, before: !BeginsWithBos(text), after: !ends, withSpans: false).Ids();
    }

    /// <summary>The token ids of the start of a text, such as a prompt or a chat template's output: with the added tokens in front, but no
    /// second BOS, and no tokens at the end.</summary>
    public int[] EncodePrompt(string text) => Run(text, before: !BeginsWithBos(text), after: false, withSpans: false).Ids();

    /// <summary>The same, but control tokens with a break inside are text.</summary>
    /// <param name="text">Of the prompt.</param>
    /// <param name="breaks">Places between two characters, in order: the index of the second.</param>
    internal int[] EncodePrompt(string text, ReadOnlySpan<int> breaks)
    {
        bool begins = BeginsWithBos(text) && !HasBreak(breaks, 0, BosToken!.Length);
        return Run(text, before: !begins, after: false, withSpans: false, breaks).Ids();
    }

    /// <summary>Where control tokens are written in a text: the index after the first character of each.</summary>
    internal IEnumerable<int> FindControlTokens(string text)
    {
        for (int start = 0; _controlTokens.Value is { } tokens && tokens.TryFind(text, start, text.Length, out var found);
            start = found.Start + 1)
            if (found.End > found.Start + 1) yield return found.Start + 1;
    }

    /// <summary>The text of one token, and its bytes: a token may be part of a character.</summary>
    internal (string Text, byte[] Bytes) Piece(int id)
    {
        var decoder = new PieceDecoder(_decoding);
        AddPiece(decoder, id, skipSpecialTokens: false);
        bool isByte = _decoding.ByteFallback && _vocabulary.Contains(id);
        if (isByte && PieceDecoding.TryReadByte(_vocabulary[id], out byte value)) return (decoder.Take(end: true), [value]);
        string text = decoder.Take(end: true);
        return (text, Encoding.UTF8.GetBytes(text));
    }

    /// <inheritdoc cref="EncodePrompt(string)"/>
    internal TokenizedText EncodePromptWithOffsets(string text)
    {
        var tokens = Run(text, before: !BeginsWithBos(text), after: false, withSpans: true);
        return new TokenizedText(tokens.Ids(), tokens.Spans());
    }

    /// <summary>Whether a text already begins with the text of the BOS token, so that adding special tokens would duplicate it.</summary>
    public bool BeginsWithBos(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return BosToken is not null && text.StartsWith(BosToken, StringComparison.Ordinal);
    }

    /// <summary>The text of token ids. Ids outside the vocabulary produce no text. A run of byte tokens that is not valid UTF-8 produces
    /// one U+FFFD per byte.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var decoder = new PieceDecoder(_decoding);
        foreach (int id in ids) AddPiece(decoder, id, skipSpecialTokens);
        return decoder.Take(end: true);
    }

    /// <summary>Creates a decoder for tokens that arrive one at a time.</summary>
    public TokenStream NewStream(bool skipSpecialTokens) => new(this, new PieceDecoder(_decoding), skipSpecialTokens);

    /// <summary>The id of a token in its vocabulary form (with ▁ for a space), or null.</summary>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (_addedIds.TryGetValue(token, out int added)) return added;
        int id = _vocabulary.Find(Encoding.UTF8.GetBytes(token));
        return id < 0 ? null : id;
    }

    /// <summary>The token of an id in its vocabulary form, or null.</summary>
    public string? Token(int id)
    {
        if (_addedContents.TryGetValue(id, out string? added)) return added;
        return _vocabulary.Contains(id) ? Encoding.UTF8.GetString(_vocabulary[id]) : null;
    }

    /// <summary>Whether decoding omits this id when it skips special tokens.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>Whether an id is no text: it is special, or begins or ends texts or turns.</summary>
    internal bool IsControl(int id) => _control.Contains(id);

    internal void AddPiece(PieceDecoder decoder, int id, bool skipSpecialTokens)
    {
        if (skipSpecialTokens && IsSpecial(id)) return;
        if (_vocabulary.Contains(id)) decoder.Add(_vocabulary[id]);
        else if (_addedContents.TryGetValue(id, out string? added)) decoder.Add(Encoding.UTF8.GetBytes(added));
    }

    private static AddedTokenMatcher? Matcher(IEnumerable<AddedToken> all, CharMap? normalizer)
    {
        var tokens = all.Select(token => (token.Content, token.Id)).ToList();
        return tokens.Count == 0 ? null : new AddedTokenMatcher(tokens, normalizer);
    }

    private TokenBuffer Run(string text, bool before, bool after, bool withSpans, ReadOnlySpan<int> breaks = default)
    {
        var output = new TokenBuffer((text.Length / 3) + 8, withSpans);
        if (before) output.AddSpecial(_before);
        EncodeLiteral(text, output, breaks);
        if (after) output.AddSpecial(_after);
        return output;
    }

    private void EncodeLiteral(ReadOnlySpan<char> text, TokenBuffer output, ReadOnlySpan<int> breaks)
    {
        int at = 0;
        while (TryFind(_literalTokens, text, at, text.Length, breaks, out var found))
        {
            EncodeNormalized(text, at, found.Start, output, breaks);
            output.Add([found], 0);
            at = found.End;
        }

        EncodeNormalized(text, at, text.Length, output, breaks);
    }

    private void EncodeNormalized(ReadOnlySpan<char> text, int from, int to, TokenBuffer output, ReadOnlySpan<int> breaks)
    {
        while (TryFind(_normalizedTokens, text, from, to, breaks, out var found))
        {
            EncodeWords(text, from, found.Start, output);
            output.Add([found], 0);
            from = found.End;
        }

        EncodeWords(text, from, to, output);
    }

    /// <summary>The next added token that is not a control token with a break inside.</summary>
    private bool TryFind(
        AddedTokenMatcher? tokens, ReadOnlySpan<char> text, int from, int to, ReadOnlySpan<int> breaks, out EncodedToken found)
    {
        found = default;
        if (tokens is null) return false;
        for (int start = from; tokens.TryFind(text, start, to, out found); start = found.Start + 1)
            if (!_control.Contains(found.Id) || !HasBreak(breaks, found.Start, found.End)) return true;
        return false;
    }

    private static bool HasBreak(ReadOnlySpan<int> breaks, int start, int end)
    {
        int first = breaks.BinarySearch(start + 1);
        if (first < 0) first = ~first;
        return first < breaks.Length && breaks[first] < end;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void EncodeWords(ReadOnlySpan<char> text, int from, int to, TokenBuffer output)
    {
        if (from >= to) return;
        var scratch = MergeScratch.Current;
        while (from < to)
        {
            int end = _splitter.EndOfWord(text, from, to);
            var word = text[from..end];
            int slot = -1;
            if (word.Length <= WordCache.MaxWordLength && _cache.Find(word, out slot) is { } known)
            {
                output.Add(known, from);
            }
            else
            {
                _model.Encode(word, scratch);
                var tokens = scratch.Tokens.AsSpan(0, scratch.Count);
                if (slot >= 0) _cache.Set(slot, word, tokens.ToArray());
                output.Add(tokens, from);
            }

            from = end;
        }
    }
}
