namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>Some texts in the order of their bytes, for finding those that begin in a certain way.</summary>
internal sealed class WordList
{
    private readonly (byte[] Bytes, int Number)[] _words;

    /// <param name="words">All different; numbered in this order.</param>
    public WordList(IEnumerable<byte[]> words)
    {
        _words = [.. words.Select((bytes, number) => (bytes, number))];
        Array.Sort(_words, (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
    }

    /// <summary>Number of words.</summary>
    public int Count => _words.Length;

    /// <summary>A word and its number.</summary>
    public (byte[] Bytes, int Number) this[int index] => _words[index];

    /// <summary>Whether it is one of them.</summary>
    public bool Contains(ReadOnlySpan<byte> bytes)
    {
        var (first, end) = (0, Count);
        for (int at = 0; at < bytes.Length && first < end; at++) (first, end) = Narrow(first, end, at, bytes[at]);
        return first < end && _words[first].Bytes.Length == bytes.Length;
    }

    /// <summary>Those within a range, with the same first bytes, that have a certain byte next.</summary>
    public (int First, int End) Narrow(int first, int end, int at, byte next)
    {
        first = Find(first, end, at, next);
        return (first, Find(first, end, at, next + 1));
    }

    /// <summary>The first word of a range with at least a certain byte at a place. A word that ends there comes before it.</summary>
    private int Find(int first, int end, int at, int next)
    {
        while (first < end)
        {
            int middle = first + ((end - first) / 2);
            byte[] word = _words[middle].Bytes;
            if (word.Length <= at || word[at] < next) first = middle + 1;
            else end = middle;
        }

        return first;
    }
}

/// <summary>One of some values, whose text is known: true, null, the values of an enum.</summary>
/// <param name="words">Their texts.</param>
internal sealed class WordShape(WordList words) : JsonShape
{
    public override bool BeginsWith(byte first)
    {
        var (begin, end) = words.Narrow(0, words.Count, 0, first);
        return begin < end;
    }

    public override ITextForm Begin(ITextForm then, int depth) => new WordPlace(words, then, 0, words.Count, 0);

    protected override int HeightOfParts() => 0;
}

/// <summary>A place in one of the words.</summary>
/// <param name="Words">All.</param>
/// <param name="Then">What follows the word.</param>
/// <param name="First">The first word that begins like the text.</param>
/// <param name="End">The end of those words.</param>
/// <param name="At">Bytes written.</param>
internal sealed record WordPlace(WordList Words, ITextForm Then, int First, int End, int At) : ITextForm
{
    public bool MayEnd => IsWhole && Then.MayEnd;

    private bool IsWhole => Words[First].Bytes.Length == At;

    public ITextForm? After(byte next)
    {
        var (first, end) = Words.Narrow(First, End, At, next);
        return first < end ? this with { First = first, End = end, At = At + 1 } : IsWhole ? Then.After(next) : null;
    }
}
