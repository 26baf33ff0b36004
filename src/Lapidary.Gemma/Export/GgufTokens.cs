using System.Text;
using Lapidary.Formats.Gguf;
using Lapidary.Gemma.Text;
using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma.Export;

/// <summary>A vocabulary as llama.cpp's SentencePiece tokenizer reads it: texts, types, and scores by which pieces are merged.</summary>
internal sealed class GgufTokens
{
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    /// <summary>Scores that llama.cpp's converter gives to tokens that no merge makes.</summary>
    private const float AddedScore = -1000, UnusedScore = -10000;

    private const char Space = '\u2581';

    private readonly TokenizerParts _parts;
    private readonly string[] _texts;
    private readonly int[] _types;
    private readonly float[] _scores;

    /// <summary>Takes the tokens of a tokenizer.</summary>
    /// <param name="parts">The tokenizer.</param>
    /// <param name="count">Number of ids to write, from 0.</param>
    public GgufTokens(TokenizerParts parts, int count)
    {
        _parts = parts;
        (_texts, _types, _scores) = (new string[count], new int[count], new float[count]);
        var added = parts.AddedTokens.ToDictionary(token => token.Id);
        for (int id = 0; id < count; id++)
        {
            if (added.TryGetValue(id, out var token))
            {
                bool isControl = token.Special || LooksLikeControl(token.Content);
                _texts[id] = isControl ? token.Content : token.Content.Replace(Space, ' ');
                (_types[id], _scores[id]) = (isControl ? Control : UserDefined, AddedScore);
            }
            else if (parts.Vocabulary.Contains(id))
            {
                var piece = parts.Vocabulary[id];
                _texts[id] = Encoding.UTF8.GetString(piece);
                _types[id] = PieceDecoding.TryReadByte(piece, out _) ? Byte : Normal;
            }
            else
            {
                (_texts[id], _types[id], _scores[id]) = ($"[PAD{id}]", Unused, UnusedScore);
            }
        }

        Score();
    }

    /// <summary>Number of tokens.</summary>
    public int Count => _texts.Length;

    /// <summary>Whether llama.cpp, which merges by a piece's score alone, may merge otherwise than the tokenizer, which merges by
    /// pairs.</summary>
    public bool DiffersFromSentencePiece { get; private set; }

    /// <summary>Adds the keys of the tokenizer.</summary>
    /// <param name="metadata">Receives them.</param>
    /// <param name="tokenizer">Its special tokens.</param>
    /// <param name="template">The chat template; null for none.</param>
    public void AddTo(GgufMetadata metadata, Tokenizer tokenizer, string? template)
    {
        metadata.Add("tokenizer.ggml.model", "llama");
        metadata.Add("tokenizer.ggml.pre", "default");
        metadata.Add("tokenizer.ggml.tokens", _texts);
        metadata.Add("tokenizer.ggml.scores", _scores);
        metadata.Add("tokenizer.ggml.token_type", _types);
        AddId("bos", tokenizer.BosTokenId);
        AddId("eos", tokenizer.EosTokenId);
        AddId("eot", tokenizer.EndOfTurnTokenId);
        AddId("unknown", tokenizer.UnkTokenId);
        AddId("padding", tokenizer.PadTokenId);
        metadata.Add("tokenizer.ggml.add_bos_token", tokenizer.AddsBos);
        metadata.Add("tokenizer.ggml.add_eos_token", false);
        metadata.Add("tokenizer.ggml.add_space_prefix", false); // llama.cpp puts a space before texts unless told not to
        if (template is not null) metadata.Add("tokenizer.chat_template", template);

        void AddId(string name, int? id)
        {
            if (id < Count) metadata.Add($"tokenizer.ggml.{name}_token_id", id.Value);
        }
    }

    /// <summary>Tokens that are no text although the tokenizer's file does not call them special.</summary>
    private static bool LooksLikeControl(string content) =>
        content is "<mask>" or "[@BOS@]" || content.StartsWith("<unused", StringComparison.Ordinal)
        || (content.StartsWith("<|", StringComparison.Ordinal) && content.EndsWith("|>", StringComparison.Ordinal));

    /// <summary>Pieces that are merged earlier get higher scores.</summary>
    private void Score()
    {
        var merged = new List<(int Id, int First, int Last)>();
        var single = new List<int>();
        for (int id = 0; id < Count; id++)
        {
            if (_types[id] != Normal) continue;
            var (first, last) = Ranks(_parts.Vocabulary[id]);
            if (last < 0) single.Add(id);
            else merged.Add((id, first, last));
        }

        merged.Sort((a, b) => a.First.CompareTo(b.First));
        for (int i = 0; i < merged.Count; i++)
        {
            _scores[merged[i].Id] = -i;
            DiffersFromSentencePiece |= i > 0 && merged[i - 1].Last > merged[i].First;
        }

        foreach (int id in single) _scores[id] = -merged.Count;
    }

    /// <summary>The ranks of the merges that make a piece; (None, −1) if there is none.</summary>
    private (int First, int Last) Ranks(ReadOnlySpan<byte> piece)
    {
        int first = MergeTable.None, last = -1;
        for (int at = 1; at < piece.Length; at++)
        {
            int left = _parts.Vocabulary.Find(piece[..at]), right = left < 0 ? -1 : _parts.Vocabulary.Find(piece[at..]);
            if (right < 0) continue;
            int rank = _parts.Merges.Rank(left, right, out _);
            if (rank == MergeTable.None)
            {
                DiffersFromSentencePiece = true;
                continue;
            }

            (first, last) = (Math.Min(first, rank), Math.Max(last, rank));
        }

        return (first, last);
    }
}
