using System.Text;

namespace Lapidary.TextToSql.Names;

/// <summary>Names that a word may become. A name is kept as the bytes of its UTF-8, one character each, with small ASCII letters, because
/// SQLite takes capitals and small letters of ASCII alone for the same.</summary>
internal sealed class NameSet
{
    /// <summary>No name.</summary>
    public static readonly NameSet Empty = Of([]);

    private readonly string[] _all;
    private readonly string[] _plain;

    private NameSet(string[] all) => (_all, _plain) = (Array.FindAll(all, IsQuotable), Array.FindAll(all, SqlVocabulary.IsPlain));

    /// <summary>Some names.</summary>
    public static NameSet Of(IEnumerable<string> names) => OfKept(names.Select(Key));

    /// <summary>Names that are kept already.</summary>
    public static NameSet OfKept(IEnumerable<string> names) => new([.. names.Distinct().Order(StringComparer.Ordinal)]);

    /// <summary>A name as it is kept.</summary>
    public static string Key(string name) => string.Concat(Encoding.UTF8.GetBytes(name).Select(letter => Small((char)letter)));

    /// <summary>A small letter for a capital one of ASCII.</summary>
    public static char Small(char letter) => char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20) : letter;

    /// <summary>Whether a name is among them.</summary>
    /// <param name="name">As it is kept.</param>
    /// <param name="isQuoted">Whether it stands in quotes; without them only plain names are meant.</param>
    public bool Has(string name, bool isQuoted) => Array.BinarySearch(isQuoted ? _all : _plain, name, StringComparer.Ordinal) >= 0;

    /// <summary>Whether some name begins so.</summary>
    public bool HasBeginning(string beginning, bool isQuoted)
    {
        string[] names = isQuoted ? _all : _plain;
        int at = Array.BinarySearch(names, beginning, StringComparer.Ordinal);
        if (at < 0) at = ~at;
        return at < names.Length && names[at].StartsWith(beginning, StringComparison.Ordinal);
    }

    /// <summary>Whether it may stand in each kind of quotes.</summary>
    private static bool IsQuotable(string name) => name.AsSpan().IndexOfAny('"', '`', ']') < 0;
}
