using System.Runtime.CompilerServices;
using System.Text;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>Finds the positions where a text may be cut without changing its encoding. A merge across a cut between characters x and y
/// makes a piece that contains "xy". So if no piece of the vocabulary contains "x▁" (x not ▁), a cut before ▁ is exact. Gemma has one such
/// piece, "&gt;▁&lt;/". A vocabulary that merges across words leaves few cuts, or none.</summary>
internal sealed class WordSplitter
{
    private readonly char _space;
    private readonly char _normalizedSpace;
    private readonly bool[] _crossed = new bool[0x10000];
    private readonly bool _whole;

    /// <summary>Learns the forbidden cuts from the vocabulary.</summary>
    /// <param name="vocabulary">All pieces.</param>
    /// <param name="normalizer">Its target is the character cut at; without one it is the space.</param>
    /// <param name="opaqueMerges">A merge has a byte piece or unk as a part. The text of such a piece tells nothing, so nothing is
    /// cut.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a quarter of a million pieces at every start
    public WordSplitter(Vocabulary vocabulary, CharMap? normalizer, bool opaqueMerges)
    {
        (_space, _normalizedSpace) = normalizer is { } map ? (map.From, map.To) : (' ', ' ');
        byte[] mark = Encoding.UTF8.GetBytes([_normalizedSpace]);
        // If ▁ itself were unknown, a run of unknown characters could be fused across the cut.
        _whole = opaqueMerges || vocabulary.Find(mark) < 0;
        for (int id = 0; id < vocabulary.Size; id++)
        {
            if (vocabulary.Contains(id) && vocabulary[id].LastIndexOf(mark) > 0) Forbid(Encoding.UTF8.GetString(vocabulary[id]));
        }

        _crossed[_normalizedSpace] = true;
        _crossed[_space] = true;
        if (_crossed[0xFFFD]) Array.Fill(_crossed, true, 0xD800, 0x800); // lone surrogates are read as U+FFFD
    }

    /// <summary>End of the word that begins at <paramref name="start"/>: at most <paramref name="limit"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int EndOfWord(ReadOnlySpan<char> text, int start, int limit)
    {
        if (_whole) return limit;
        for (int i = start + 1; i < limit; i++)
        {
            int skip = text[i..limit].IndexOfAny(_space, _normalizedSpace);
            if (skip < 0) return limit;
            i += skip;
            if (!_crossed[text[i - 1]]) return i;
        }

        return limit;
    }

    private void Forbid(string piece)
    {
        for (int i = 1; i < piece.Length; i++)
        {
            if (piece[i] == _normalizedSpace) _crossed[piece[i - 1]] = true;
        }
    }
}
