namespace Lapidary.Formats;

/// <summary>Quotes words for a command line that people copy.</summary>
internal static class ShellText
{
    /// <summary>The word in the quoting of this system's shell: bash, or cmd and PowerShell on Windows.</summary>
    public static string Quote(string word) => Quote(word, OperatingSystem.IsWindows());

    /// <inheritdoc cref="Quote(string)"/>
    public static string Quote(string word, bool isWindows)
    {
        if (word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "_-./:,=@+".Contains(c, StringComparison.Ordinal)
            || (isWindows && c == '\\')))
        {
            return word;
        }

        return isWindows
            ? $"\"{word.Replace("\"", "\\\"", StringComparison.Ordinal)}\""
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
