namespace Lapidary.TextToSql.Synthesis.Domains;

/// <summary>The few rules of English that questions need.</summary>
internal static class English
{
    private static readonly string[] SilentStarts = ["hour", "hono"], ConsonantStarts = ["uni", "eu", "use", "one"];

    /// <summary>The plural of a noun, of the first noun in "date of birth", or of a name in snake case.</summary>
    public static string Plural(string noun)
    {
        int of = noun.IndexOf(" of ", StringComparison.Ordinal);
        if (of > 0) return Plural(noun[..of]) + noun[of..];
        int per = noun.IndexOf(" per ", StringComparison.Ordinal);
        if (per > 0) return Plural(noun[..per]) + noun[per..];
        if (noun.EndsWith("species", StringComparison.Ordinal) || noun.EndsWith("headquarters", StringComparison.Ordinal)) return noun;
        if (noun.EndsWith('y') && noun.Length > 1 && !"aeiou".Contains(noun[^2], StringComparison.Ordinal)) return noun[..^1] + "ies";
        if (noun.EndsWith("is", StringComparison.Ordinal)) return noun[..^2] + "es";
        return noun.EndsWith('s') || noun.EndsWith('x') || noun.EndsWith("ch", StringComparison.Ordinal)
            || noun.EndsWith("sh", StringComparison.Ordinal) ? noun + "es" : noun + "s";
    }

    /// <summary>"a price", "an hourly wage".</summary>
    public static string A(string noun)
    {
        bool hasVowel = "aeiouAEIO".Contains(noun[0], StringComparison.Ordinal) && !StartsWithAny(noun, ConsonantStarts);
        return hasVowel || StartsWithAny(noun, SilentStarts) ? $"an {noun}" : $"a {noun}";
    }

    /// <summary>"a, b and c".</summary>
    public static string List(IReadOnlyList<string> words, string last = "and") => words.Count switch
    {
        0 => "",
        1 => words[0],
        _ => $"{string.Join(", ", words.Take(words.Count - 1))} {last} {words[^1]}",
    };

    private static bool StartsWithAny(string noun, string[] starts) =>
        starts.Any(start => noun.StartsWith(start, StringComparison.OrdinalIgnoreCase));
}
