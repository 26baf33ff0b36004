namespace Lapidary.TextToSql.Comparing;

/// <summary>A column by which rows are ordered.</summary>
/// <param name="Column">Which one.</param>
/// <param name="Collation">How its texts are compared: SQLite's BINARY, NOCASE or RTRIM; any other name is BINARY.</param>
internal sealed record TiedKey(int Column, string Collation)
{
    /// <summary>Whether two rows are equal here: by value, as SQLite sorts, so that 1 is 1.0; a tolerance would only allow more.</summary>
    public bool IsTie(object?[] first, object?[] second) => (first[Column], second[Column]) switch
    {
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),
        (long x, double y) => IsSame(x, y),
        (double x, long y) => IsSame(y, x),
        (string x, string y) => IsSame(x, y),
        var (x, y) => Equals(x, y),
    };

    private bool IsSame(string a, string b) => Collation.ToUpperInvariant() switch
    {
        "NOCASE" => Folded(a) == Folded(b),
        "RTRIM" => a.AsSpan().TrimEnd(' ').SequenceEqual(b.AsSpan().TrimEnd(' ')),
        _ => a == b,
    };

    /// <summary>NOCASE knows the letters of ASCII only.</summary>
    private static string Folded(string text) => string.Create(text.Length, text, (folded, source) =>
    {
        for (int i = 0; i < folded.Length; i++) folded[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
    });

    private static bool IsSame(long a, double b) => Math.Abs(b) < 9.2e18 && Math.Truncate(b).Equals(b) && (long)b == a;
}
