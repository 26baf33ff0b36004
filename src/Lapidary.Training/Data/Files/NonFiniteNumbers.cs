namespace Lapidary.Training.Data.Files;

/// <summary>NaN, Infinity and -Infinity, which Python's json.dumps writes and reads although they are not JSON.</summary>
internal static class NonFiniteNumbers
{
    /// <summary>A copy in which each of them outside a string is replaced by a 0 and spaces, so that all positions stay the same; null if
    /// there are none.</summary>
    public static byte[]? Mask(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("NaN"u8) < 0 && json.IndexOf("Infinity"u8) < 0) return null;
        byte[]? copy = null;
        bool inString = false;
        for (int i = 0; i < json.Length; i++)
        {
            if (json[i] == '"') inString = !inString;
            else if (inString && json[i] == '\\') i++;
            if (inString) continue;
            int length = Length(json[i..]);
            if (length == 0) continue;
            copy ??= json.ToArray();
            copy.AsSpan(i, length).Fill((byte)' ');
            copy[i] = (byte)'0';
            i += length - 1;
        }

        return copy;
    }

    /// <summary>The number at the start of a text; null if it is none of them.</summary>
    public static double? Read(ReadOnlySpan<byte> json) => Length(json) switch
    {
        3 => double.NaN,
        8 => double.PositiveInfinity,
        9 => double.NegativeInfinity,
        _ => null,
    };

    private static int Length(ReadOnlySpan<byte> json) =>
        json.StartsWith("NaN"u8) ? 3 : json.StartsWith("Infinity"u8) ? 8 : json.StartsWith("-Infinity"u8) ? 9 : 0;
}
