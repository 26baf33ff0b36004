using Lapidary.Formats;

namespace Lapidary.Cli.Help;

/// <summary>Finds what an unknown name may mean: a habit from another tool, a misspelling, or a part of a name.</summary>
internal static class NameHints
{
    private const int Most = 3, ShortestPart = 3;

    /// <summary>"Did you mean --warmup-ratio or --warmup-steps?"; null if nothing is near.</summary>
    /// <param name="typed">The name, with or without dashes, and with underscores or hyphens.</param>
    /// <param name="known">The known names, in the form to show.</param>
    public static string? Of(string typed, IEnumerable<string> known) => Find(typed, known) switch
    {
        [] => null,
        [var only] => $"Did you mean {only}?",
        [.. var first, var last] => $"Did you mean {string.Join(", ", first)} or {last}?",
    };

    /// <summary>The names, at most three.</summary>
    public static string[] Find(string typed, IEnumerable<string> known)
    {
        string name = Bare(typed);
        var names = known.DistinctBy(Bare).ToDictionary(Bare, StringComparer.OrdinalIgnoreCase);
        if (name.Length == 0) return [];
        if (names.TryGetValue(name, out string? same)) return [same];
        string[] habits = [.. Habits.Of(name).Select(text => Shown(text, names)).OfType<string>().Take(Most)];
        if (habits.Length > 0) return habits;
        if (NearestName.Of(name, names.Keys) is { } near) return [names[near]];
        if (name.Length < ShortestPart) return [];
        string[] parts = name.ToLowerInvariant().Split('-');
        return First(names, other => other.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            ?? First(names, other => parts.All(other.Split('-').Contains))
            ?? First(names, other => other.Split('-').All(parts.Contains))
            ?? [];
    }

    private static string[]? First(Dictionary<string, string> names, Func<string, bool> isLike)
    {
        var like = names.Where(pair => pair.Key.Length >= ShortestPart && isLike(pair.Key));
        string[] found = [.. like.Select(pair => pair.Value).Take(Most)];
        return found.Length == 0 ? null : found;
    }

    /// <summary>"device cpu" as an option with its value, or a key with its value, if it is known.</summary>
    private static string? Shown(string text, Dictionary<string, string> names)
    {
        string[] words = text.Split(' ', 2);
        if (!names.TryGetValue(words[0], out string? name)) return null;
        return words.Length == 1 ? name : name.StartsWith('-') ? $"{name} {words[1]}" : $"{name}: {words[1]}";
    }

    private static string Bare(string name) => name.TrimStart('-').Replace('_', '-');
}
