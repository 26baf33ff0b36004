using System.Runtime.CompilerServices;

namespace Lapidary.Gemma.Generation.Forms;

/// <summary>The bytes that each token adds to a text, in the order of the bytes, so that tokens which begin alike stand together: a refused
/// beginning refuses all of them at once.</summary>
internal sealed class TokenBytes
{
    /// <summary>Longer tokens are left out. Gemma's longest has under 100 bytes.</summary>
    private const int MaxLength = byte.MaxValue;

    private static readonly ConditionalWeakTable<Tokenizer, TokenBytes> Known = [];

    private readonly byte[] _bytes;
    private readonly int[] _starts; // by id, of VocabSize + 1
    private readonly int[] _sorted;
    private readonly byte[] _shared; // first bytes that a sorted token has in common with the one before it

    /// <summary>Makes the table.</summary>
    /// <param name="count">Number of ids.</param>
    /// <param name="bytesOf">The bytes of an id; none for one that is no text.</param>
    public TokenBytes(int count, Func<int, byte[]> bytesOf)
    {
        byte[][] tokens = new byte[count][];
        for (int id = 0; id < count; id++) tokens[id] = bytesOf(id) is { Length: <= MaxLength } bytes ? bytes : [];
        _bytes = [.. tokens.SelectMany(token => token)];
        _starts = new int[count + 1];
        for (int id = 0; id < count; id++) _starts[id + 1] = _starts[id] + tokens[id].Length;
        _sorted = [.. Enumerable.Range(0, count).Where(id => tokens[id].Length > 0)];
        Array.Sort(_sorted, (a, b) => this[a].SequenceCompareTo(this[b]));
        _shared = new byte[_sorted.Length];
        for (int i = 1; i < _sorted.Length; i++) _shared[i] = (byte)this[_sorted[i - 1]].CommonPrefixLength(this[_sorted[i]]);
    }

    /// <summary>The table of a tokenizer, which is made once.</summary>
    public static TokenBytes Of(Tokenizer tokenizer) => Known.GetValue(
        tokenizer, tokens => new(tokens.VocabSize, id => tokens.IsControl(id) ? [] : tokens.Piece(id).Bytes));

    /// <summary>The bytes of a token; none if it is no text.</summary>
    public ReadOnlySpan<byte> this[int id] =>
        (uint)id < (uint)(_starts.Length - 1) ? _bytes.AsSpan(_starts[id].._starts[id + 1]) : [];

    /// <summary>Sets the bits of the ids that may come first in a text of a form.</summary>
    public void FindAllowed(ITextForm form, Span<ulong> allowed)
    {
        var after = new ITextForm[MaxLength + 1]; // after each number of the token's first bytes
        after[0] = form;
        for (int i = 0; i < _sorted.Length;)
        {
            var token = this[_sorted[i]];
            int length = _shared[i];
            for (; length < token.Length && after[length].After(token[length]) is { } rest; length++) after[length + 1] = rest;
            int id = _sorted[i];
            if (length == token.Length && id < allowed.Length * 64) allowed[id / 64] |= 1UL << id;
            i++;
            if (length == token.Length) continue;

            // The tokens that share the refused byte share more than the bytes before it.
            int next = _shared.AsSpan(i).IndexOfAnyInRange((byte)0, (byte)length);
            i = next < 0 ? _sorted.Length : i + next;
        }
    }
}
