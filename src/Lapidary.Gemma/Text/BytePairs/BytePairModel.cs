using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>Byte-pair encoding of one word: characters to ids (or bytes, or unk), then merges by lowest rank, leftmost first. Immutable, so
/// any number of threads may use it, each with its own <see cref="MergeScratch"/>.</summary>
internal sealed class BytePairModel
{
    /// <summary>Words up to this many symbols rescan all ranks per merge; longer ones keep a heap, so no text is quadratic.</summary>
    private const int HeapThreshold = 24;

    private readonly int[] _basic = new int[0x10000];
    private readonly Dictionary<int, int> _supplementary = [];
    private readonly int[]? _bytes;
    private readonly int? _unknown;
    private readonly bool _fuseUnknown;
    private readonly MergeTable _merges;
    private readonly CharMap? _normalizer;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a quarter of a million pieces at every start
    public BytePairModel(Vocabulary vocabulary, MergeTable merges, CharMap? normalizer, int[]? bytes, int? unknown, bool fuseUnknown)
    {
        _merges = merges;
        _normalizer = normalizer;
        _bytes = bytes;
        _unknown = unknown;
        _fuseUnknown = fuseUnknown;
        Array.Fill(_basic, -1);
        for (int id = 0; id < vocabulary.Size; id++)
        {
            if (!vocabulary.Contains(id)) continue;
            var piece = vocabulary[id];
            if (piece.Length is 0 or > 4) continue;
            if (Rune.DecodeFromUtf8(piece, out Rune rune, out int used) != OperationStatus.Done || used != piece.Length) continue;
            if (rune.IsBmp) _basic[rune.Value] = id;
            else _supplementary[rune.Value] = id;
        }

        if (normalizer is { } map) _basic[map.From] = _basic[map.To];
    }

    /// <summary>Encodes a word into <paramref name="scratch"/>. Lone surrogates count as U+FFFD.</summary>
    public void Encode(ReadOnlySpan<char> word, MergeScratch scratch)
    {
        scratch.Reset(word.Length, _bytes is null ? 1 : 3);
        ReadSymbols(word, scratch);
        if (scratch.Count <= HeapThreshold) MergeByScan(scratch);
        else MergeByHeap(scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadSymbols(ReadOnlySpan<char> word, MergeScratch scratch)
    {
        EncodedToken? unknown = null;
        for (int i = 0; i < word.Length;)
        {
            char unit = word[i];
            int id, scalar = unit, length = 1;
            if (!char.IsSurrogate(unit))
            {
                id = _basic[unit];
            }
            else if (i + 1 < word.Length && char.IsSurrogatePair(unit, word[i + 1]))
            {
                length = 2;
                scalar = char.ConvertToUtf32(unit, word[i + 1]);
                id = _supplementary.GetValueOrDefault(scalar, -1);
            }
            else
            {
                scalar = 0xFFFD;
                id = _basic[scalar];
            }

            if (id >= 0)
            {
                Flush(ref unknown, scratch);
                scratch.Add(new EncodedToken(id, i, i + length));
            }
            else if (!TryAddBytes(_normalizer is { } map && scalar == map.From ? map.To : scalar, i, i + length, scratch)
                && _unknown is { } unk)
            {
                if (unknown is { } open && _fuseUnknown)
                {
                    unknown = open with { End = i + length };
                }
                else
                {
                    Flush(ref unknown, scratch);
                    unknown = new EncodedToken(unk, i, i + length);
                }
            }

            i += length;
        }

        Flush(ref unknown, scratch);
    }

    private static void Flush(ref EncodedToken? unknown, MergeScratch scratch)
    {
        if (unknown is { } token) scratch.Add(token);
        unknown = null;
    }

    // A character falls back to bytes only if the vocabulary has every one of them.
    private bool TryAddBytes(int scalar, int start, int end, MergeScratch scratch)
    {
        if (_bytes is null) return false;
        Span<byte> utf8 = stackalloc byte[4];
        utf8 = utf8[..new Rune(scalar).EncodeToUtf8(utf8)];
        foreach (byte value in utf8)
        {
            if (_bytes[value] < 0) return false;
        }

        foreach (byte value in utf8) scratch.Add(new EncodedToken(_bytes[value], start, end));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MergeByScan(MergeScratch scratch)
    {
        Span<EncodedToken> tokens = scratch.Tokens.AsSpan(0, scratch.Count);
        Span<int> ranks = stackalloc int[HeapThreshold];
        Span<int> merged = stackalloc int[HeapThreshold];
        int count = tokens.Length;
        for (int i = 0; i + 1 < count; i++) ranks[i] = _merges.Rank(tokens[i].Id, tokens[i + 1].Id, out merged[i]);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < ranks[best]) best = i;
            }

            if (ranks[best] == MergeTable.None) break;
            tokens[best] = new EncodedToken(merged[best], tokens[best].Start, tokens[best + 1].End);
            count--;
            for (int i = best + 1; i < count; i++)
            {
                tokens[i] = tokens[i + 1];
                ranks[i] = ranks[i + 1];
                merged[i] = merged[i + 1];
            }

            if (best > 0) ranks[best - 1] = _merges.Rank(tokens[best - 1].Id, tokens[best].Id, out merged[best - 1]);
            if (best + 1 < count) ranks[best] = _merges.Rank(tokens[best].Id, tokens[best + 1].Id, out merged[best]);
        }

        scratch.Count = count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MergeByHeap(MergeScratch scratch)
    {
        EncodedToken[] tokens = scratch.Tokens;
        int count = scratch.Count;
        var (next, previous, ranks, heap) = scratch.Links();
        for (int i = 0; i < count; i++)
        {
            next[i] = i + 1 < count ? i + 1 : -1;
            previous[i] = i - 1;
        }

        for (int i = 0; i + 1 < count; i++) Push(i);
        ranks[count - 1] = MergeTable.None;
        while (heap.TryDequeue(out int at, out long key))
        {
            // A stale entry: the pair at this place has changed since, or its left symbol is gone.
            if (ranks[at] != (int)(key >> 32)) continue;
            int right = next[at];
            _merges.Rank(tokens[at].Id, tokens[right].Id, out int merged);
            tokens[at] = new EncodedToken(merged, tokens[at].Start, tokens[right].End);
            ranks[right] = MergeTable.None;
            next[at] = next[right];
            if (next[at] >= 0)
            {
                previous[next[at]] = at;
                Push(at);
            }
            else
            {
                ranks[at] = MergeTable.None;
            }

            if (previous[at] >= 0) Push(previous[at]);
        }

        int kept = 0;
        for (int i = 0; i >= 0; i = next[i]) tokens[kept++] = tokens[i];
        scratch.Count = kept;

        void Push(int at)
        {
            ranks[at] = _merges.Rank(tokens[at].Id, tokens[next[at]].Id, out _);
            if (ranks[at] != MergeTable.None) heap.Enqueue(at, ((long)ranks[at] << 32) | (uint)at);
        }
    }
}

/// <summary>The one normalization that is supported: each occurrence of a character is replaced by another one.</summary>
internal readonly record struct CharMap(char From, char To);

/// <summary>A token of a word and its UTF-16 range in it.</summary>
internal readonly record struct EncodedToken(int Id, int Start, int End);
