using System.Collections.Frozen;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Names in SQL.</summary>
internal static class SqlName
{
    /// <summary>Words that SQLite takes for no name.</summary>
    private static readonly FrozenSet<string> Keywords = string.Join(' ', [
        "add all alter and as autoincrement between case check collate commit constraint create cross current_date current_time",
        "current_timestamp default deferrable delete distinct drop else escape except exists foreign from full glob group having in index",
        "inner insert intersect into is isnull join left limit natural not notnull null on or order outer primary references returning",
        "right select set table then to transaction union unique update using values when where with",
    ]).Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a name must be quoted because of its meaning.</summary>
    public static bool IsKeyword(string name) => Keywords.Contains(name);

    /// <summary>A name as SQL has it, in quotes where it needs them.</summary>
    public static string Of(string name) => IsPlain(name) && !IsKeyword(name) ? name : Quoted(name);

    /// <summary>A name in quotes.</summary>
    public static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static bool IsPlain(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_' || char.IsLetter(c));
}
