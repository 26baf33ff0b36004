namespace Lapidary.Training.Data.Files;

/// <summary>NaN, Infinity and -Infinity, which Python's json.dumps writes and reads although they are not JSON.</summary>
internal static class NonFiniteNumbers
{
    /// <summary>A copy in which each of them outside a string is replaced by a 0 and spaces, so that all positions stay the same; null if
    /// there are none.</summary>
    public static byte[]? Mask(ReadOnlySpan<byte> json)
    {
        byte[]? copy = null;
        foreach (var (start, length) in Find(json))
        {
            copy ??= json.ToArray();
            copy.AsSpan(start, length).Fill((byte)' ');
            copy[start] = (byte)'0';
        }

        return copy;
    }

    /// <summary>A copy in which each of them outside a string is a string; null if there are none.</summary>
    public static byte[]? Quote(ReadOnlySpan<byte> json)
    {
        var found = Find(json);
        if (found.Count == 0) return null;
        var copy = new List<byte>(json.Length + (2 * found.Count));
        int end = 0;
        foreach (var (start, length) in found)
        {
            copy.AddRange(json[end..start]);
            copy.Add((byte)'"');
            copy.AddRange(json.Slice(start, length));
            copy.Add((byte)'"');
            end = start + length;
        }

        copy.AddRange(json[end..]);
        return [.. copy];
    }

    /// <summary>The number at the start of a text; null if it is none of them.</summary>
    public static double? Read(ReadOnlySpan<byte> json) => Length(json) switch
    {
        3 => double.NaN,
        8 => double.PositiveInfinity,
        9 => double.NegativeInfinity,
        _ => null,
    };

    private static List<(int Start, int Length)> Find(ReadOnlySpan<byte> json)
    {
        List<(int, int)> found = [];
        if (json.IndexOf("NaN"u8) < 0 && json.IndexOf("Infinity"u8) < 0) return found;
        bool inString = false;
        for (int i = 0; i < json.Length; i++)
        {
            if (json[i] == '"') inString = !inString;
            else if (inString && json[i] == '\\') i++;
            if (inString) continue;
            int length = Length(json[i..]);
            if (length == 0) continue;
            found.Add((i, length));
            i += length - 1;
        }

        return found;
    }

    private static int Length(ReadOnlySpan<byte> json) =>
        json.StartsWith("NaN"u8) ? 3 : json.StartsWith("Infinity"u8) ? 8 : json.StartsWith("-Infinity"u8) ? 9 : 0;
}
