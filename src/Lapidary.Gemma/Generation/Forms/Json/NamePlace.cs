namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>A place in the name of a property.</summary>
/// <param name="Object">Where the name begins.</param>
/// <param name="First">The first name that begins like the text.</param>
/// <param name="End">The end of those names.</param>
/// <param name="At">Bytes written.</param>
internal sealed record NamePlace(ObjectPlace Object, int First, int End, int At) : ITextForm
{
    public bool MayEnd => false;

    public ITextForm? After(byte next)
    {
        var (names, last) = (Object.Shape.Names, Object.Shape.NextRequired(Object.Next));
        var (first, end) = names.Narrow(First, End, At, next);
        for (int i = first; i < end; i++)
        {
            var (bytes, number) = names[i];
            if (number < Object.Next || number > last || !Object.Shape[number]!.Fits(Object.Depth)) continue;
            // No name is the beginning of another: each ends with the only quote that is not escaped.
            return bytes.Length == At + 1 ? Object.AfterName(number, Object.Taken) : new NamePlace(Object, first, end, At + 1);
        }

        return null;
    }
}

/// <summary>The bytes of a name that is none of the shape's, the last one first.</summary>
/// <param name="last">The last byte.</param>
/// <param name="before">The bytes before it; null for none.</param>
/// <param name="others">After the closing quote: the names before this one.</param>
internal sealed class WrittenName(byte last, WrittenName? before, WrittenName? others = null)
{
    /// <summary>Names of different hashes are different, which saves comparing their bytes.</summary>
    private readonly int _hash = HashCode.Combine(before?._hash, last);

    /// <summary>The name with its quotes, if it is none of the shape's and none of the others.</summary>
    /// <param name="name">Its bytes; null for an empty name.</param>
    /// <param name="names">The shape's.</param>
    /// <param name="others">Further names that the object has.</param>
    public static WrittenName? Close(WrittenName? name, WordList names, WrittenName? others)
    {
        var whole = new WrittenName((byte)'"', name, others);
        byte[] bytes = whole.Bytes();
        for (var other = others; other is not null; other = other.Others)
            if (other._hash == whole._hash && other.Bytes().AsSpan().SequenceEqual(bytes)) return null;
        return names.Contains(bytes) ? null : whole;
    }

    private WrittenName? Others => others;

    private byte[] Bytes()
    {
        var bytes = new List<byte>();
        for (var name = this; name is not null; name = name.Before) bytes.Add(name.Last);
        bytes.Add((byte)'"');
        bytes.Reverse();
        return [.. bytes];
    }

    private byte Last => last;

    private WrittenName? Before => before;
}

/// <summary>A place in a name that the shape does not have. It has no escapes, so that equal names have equal bytes.</summary>
/// <param name="Object">Where the name begins.</param>
/// <param name="Written">The bytes so far.</param>
/// <param name="Rest">Of the current character.</param>
internal sealed record FreeNamePlace(ObjectPlace Object, WrittenName? Written, Utf8Rest Rest) : ITextForm
{
    public bool MayEnd => false;

    public int PlainRoom => Rest.Left == 0 ? int.MaxValue : 0;

    public ITextForm? After(byte next)
    {
        if (Rest.Left == 0 && next == '"')
        {
            var whole = WrittenName.Close(Written, Object.Shape.Names, Object.Taken);
            return whole is null ? null : Object.AfterName(Object.Shape.Names.Count, whole);
        }

        if (next is < (byte)' ' or (byte)'\\') return null;
        var rest = Rest.Left == 0 ? Utf8Rest.Begin(next) : Rest.After(next);
        return rest is null ? null : new FreeNamePlace(Object, new WrittenName(next, Written), rest.Value);
    }
}
