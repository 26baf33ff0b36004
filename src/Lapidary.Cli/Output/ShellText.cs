namespace Lapidary.Cli.Output;

/// <summary>Words for a command line that people copy.</summary>
internal static class ShellText
{
    /// <summary>The word as this system's shell reads it back: bash, or cmd and PowerShell on Windows.</summary>
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
