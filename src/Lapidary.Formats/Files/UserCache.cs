namespace Lapidary.Formats.Files;

/// <summary>The place of a user's caches.</summary>
internal static class UserCache
{
    /// <summary>A cache's folder: LAPIDARY_CACHE, else XDG_CACHE_HOME/lapidary, LOCALAPPDATA/lapidary or ~/.cache/lapidary, followed by the
    /// cache's name.</summary>
    /// <param name="name">Name of the cache.</param>
    /// <param name="environment">The value of a variable.</param>
    /// <returns>The folder; null if the user has no home folder.</returns>
    public static string? Folder(string name, Func<string, string?> environment)
    {
        string? root = environment("LAPIDARY_CACHE") is { Length: > 0 } own ? own
            : environment("XDG_CACHE_HOME") is { Length: > 0 } xdg ? Path.Combine(xdg, "lapidary")
            : environment("LOCALAPPDATA") is { Length: > 0 } local ? Path.Combine(local, "lapidary")
            : environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache", "lapidary")
            : null;
        return root is null ? null : Path.Combine(root, name);
    }
}
