using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Lapidary.Gemma.Generation.Forms;

/// <summary>The bytes that each token adds to a text, in the order of the bytes, so that tokens which begin alike stand together: a refused
/// beginning refuses all of them at once. Tokens of plain characters (<see cref="ITextForm.PlainRoom"/>) stand apart: they are most of a
/// vocabulary, and inside a string their number of characters says whether they are allowed.</summary>
internal sealed class TokenBytes
{
    /// <summary>Longer tokens are left out. Gemma's longest has under 100 bytes.</summary>
    private const int MaxLength = byte.MaxValue;

    /// <summary>Tokens of more characters are not counted as plain.</summary>
    private const int MostPlain = 48;

    private static readonly ConditionalWeakTable<Tokenizer, TokenBytes> Known = [];

    private readonly byte[] _bytes;
    private readonly int[] _starts; // by id, of VocabSize + 1
    private readonly SortedTokens _plain;
    private readonly SortedTokens _others;
    private readonly ulong[][] _plainUpTo = new ulong[MostPlain + 1][]; // by number of characters, a bit for each id

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
        int[] characters = [.. tokens.Select(token => PlainCharacters(token))];
        _plain = Sort(id => characters[id] > 0);
        _others = Sort(id => characters[id] == 0);
        for (int most = 0; most <= MostPlain; most++) _plainUpTo[most] = new ulong[(count + 63) / 64];
        for (int id = 0; id < count; id++)
            for (int most = characters[id]; most is > 0 and <= MostPlain; most++) _plainUpTo[most][id / 64] |= 1UL << id;
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
        foreach (var one in form.Alternatives)
        {
            Walk(_others, one, allowed);
            if (one.PlainRoom == 0)
            {
                Walk(_plain, one, allowed);
                continue;
            }

            ulong[] plain = _plainUpTo[Math.Min(one.PlainRoom, MostPlain)];
            for (int i = 0; i < Math.Min(plain.Length, allowed.Length); i++) allowed[i] |= plain[i];
        }
    }

    private void Walk(SortedTokens tokens, ITextForm form, Span<ulong> allowed)
    {
        var (ids, shared) = tokens;
        var after = new ITextForm[MaxLength + 1]; // after each number of the token's first bytes
        after[0] = form;
        int known = 0; // bytes of the token before that were followed
        for (int i = 0; i < ids.Length;)
        {
            int id = ids[i];
            known = Math.Min(known, shared[i]);
            if (id < allowed.Length * 64 && ((allowed[id / 64] >> id) & 1) != 0)
            {
                i++; // another form allows it
                continue;
            }

            int length = known;
            var token = this[id];
            for (; length < token.Length && after[length].After(token[length]) is { } rest; length++) after[length + 1] = rest;
            known = length;
            if (length == token.Length && id < allowed.Length * 64) allowed[id / 64] |= 1UL << id;
            i++;
            if (length == token.Length) continue;

            // The tokens that share the refused byte share more than the bytes before it.
            int next = shared.AsSpan(i).IndexOfAnyInRange((byte)0, (byte)length);
            i = next < 0 ? ids.Length : i + next;
        }
    }

    /// <summary>The number of characters of a token that has whole and plain ones alone; 0 for another.</summary>
    private static int PlainCharacters(byte[] token)
    {
        if (!Utf8.IsValid(token) || token.Any(value => value is < (byte)' ' or (byte)'"' or (byte)'\\')) return 0;
        int count = token.Count(value => (value & 0xC0) != 0x80);
        return count > MostPlain ? 0 : count;
    }

    private SortedTokens Sort(Func<int, bool> isTaken)
    {
        int[] ids = [.. Enumerable.Range(0, _starts.Length - 1).Where(id => this[id].Length > 0 && isTaken(id))];
        ulong[] keys = [.. ids.Select(FirstBytes)];
        Array.Sort(keys, ids); // much faster than comparing the tokens, which is left for those that begin alike
        for (int first = 0, end; first < ids.Length; first = end)
        {
            for (end = first + 1; end < ids.Length && keys[end] == keys[first];) end++;
            if (end > first + 1) ids.AsSpan(first..end).Sort((a, b) => this[a].SequenceCompareTo(this[b]));
        }

        byte[] shared = new byte[ids.Length];
        for (int i = 1; i < ids.Length; i++) shared[i] = (byte)this[ids[i - 1]].CommonPrefixLength(this[ids[i]]);
        return new SortedTokens(ids, shared);
    }

    private ulong FirstBytes(int id)
    {
        Span<byte> first = stackalloc byte[sizeof(ulong)];
        this[id][..Math.Min(this[id].Length, first.Length)].CopyTo(first);
        return BinaryPrimitives.ReadUInt64BigEndian(first);
    }

    /// <summary>Tokens in the order of their bytes.</summary>
    /// <param name="Ids">The tokens.</param>
    /// <param name="Shared">First bytes that a token has in common with the one before it.</param>
    private sealed record SortedTokens(int[] Ids, byte[] Shared);
}
