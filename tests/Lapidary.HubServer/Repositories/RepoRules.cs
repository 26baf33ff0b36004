using System.Text.RegularExpressions;

namespace Lapidary.TestHub.Repositories;

/// <summary>Which ids and paths the Hub takes.</summary>
internal static partial class RepoRules
{
    private static readonly HashSet<string> Forbidden = new(StringComparer.OrdinalIgnoreCase) { ".git", ".cache" };

    public static bool IsId(string id) => id.Length is > 0 and <= 96 && Id().IsMatch(id)
        && !id.Contains("--", StringComparison.Ordinal) && !id.Contains("..", StringComparison.Ordinal)
        && !id.EndsWith(".git", StringComparison.Ordinal)
        && id.Split('/').All(part => part[0] is not ('-' or '.') && part[^1] is not ('-' or '.'));

    /// <summary>What is wrong with a path of a commit, or null. Clients strip "/" and "./" themselves.</summary>
    public static string? WrongPath(string path)
    {
        if (path.Length == 0) return "the path is empty";
        if (path[0] == '/') return "the path is absolute";
        foreach (string part in path.Split('/'))
        {
            if (part.Length == 0) return "a segment is empty";
            if (part is "." or "..") return $"a segment is \"{part}\"";
            if (Forbidden.Contains(part)) return $"a segment is \"{part}\"";
            if (part.Any(char.IsControl)) return "it has control characters";
        }

        return null;
    }

    public static bool IsSha256(string text) => text.Length == 64 && text.All(IsLowerHex);

    public static bool IsCommit(string text) => text.Length is >= 5 and <= 40 && text.All(IsLowerHex);

    private static bool IsLowerHex(char letter) => letter is (>= '0' and <= '9') or (>= 'a' and <= 'f');

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?\z")]
    private static partial Regex Id();
}
