using System.Text;

namespace Lapidary.Hub.Auth;

/// <summary>The INI text of stored_tokens: one section per token, with hf_token and the values of a browser's login (refresh_token,
/// expires_at), which stay unchanged.</summary>
internal sealed class StoredTokens
{
    private const string TokenKey = "hf_token";

    private readonly SortedDictionary<string, List<(string Key, string Value)>> _sections = new(StringComparer.Ordinal);

    /// <summary>Reads the output of Python's configparser, and manual edits: comments, blank lines, ":" instead of "=". Other lines are
    /// ignored, because they must not make a login fail.</summary>
    public static StoredTokens Parse(string text)
    {
        var tokens = new StoredTokens();
        List<(string Key, string Value)>? section = null;
        foreach (string raw in text.Split('\n'))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line[0] is '#' or ';') continue;
            int end = line.LastIndexOf(']');
            if (line[0] == '[' && end > 1)
            {
                string name = line[1..end];
                if (!tokens._sections.TryGetValue(name, out section)) tokens._sections.Add(name, section = []);
            }
            else if (section is not null && line.AsSpan().IndexOfAny('=', ':') is > 0 and var at)
            {
                section.Add((line[..at].TrimEnd().ToLowerInvariant(), line[(at + 1)..].TrimStart()));
            }
        }

        return tokens;
    }

    /// <summary>Adds a token, or replaces the one of that name.</summary>
    public void Set(string name, string token)
    {
        // Characters that would end the line or the bracket cannot be part of a name.
        string safe = string.Concat(name.Where(c => !char.IsControl(c) && c is not ('[' or ']'))).Trim();
        _sections[safe.Length == 0 ? "token" : safe] = [(TokenKey, token)];
    }

    /// <summary>Removes the sections of a token.</summary>
    /// <returns>Whether the token existed.</returns>
    public bool Remove(string token)
    {
        string[] names = [.. _sections.Where(pair => pair.Value.Contains((TokenKey, token))).Select(pair => pair.Key)];
        foreach (string name in names) _sections.Remove(name);
        return names.Length > 0;
    }

    /// <summary>The file's text, in the format of configparser.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        foreach (var (name, pairs) in _sections)
        {
            text.Append('[').Append(name).Append("]\n");
            foreach (var (key, value) in pairs) text.Append(key).Append(" = ").Append(value).Append('\n');
            text.Append('\n');
        }

        return text.ToString();
    }
}
