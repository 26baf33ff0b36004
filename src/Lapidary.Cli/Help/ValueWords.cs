namespace Lapidary.Cli.Help;

/// <summary>The values that a placeholder lists: "auto|cpu|cuda:N" lists auto and cpu.</summary>
internal static class ValueWords
{
    /// <summary>The values, in order; empty if the placeholder only names kinds of values.</summary>
    /// <param name="valueName">The placeholder, or null.</param>
    public static IReadOnlyList<string> Of(string? valueName) => valueName is null || !valueName.Contains('|')
        ? []
        : [.. valueName.Split('|').Where(IsValue)];

    /// <summary>Whether a placeholder stands for a file or a folder.</summary>
    public static bool IsPath(string? valueName) =>
        valueName is not null && valueName.Split('|').Any(word => word is "DIR" or "FILE" or "PATH" or "DIR_OR_ID");

    /// <summary>Whether a placeholder stands for a list of names, which commas separate.</summary>
    public static bool IsNames(string? valueName) => valueName is not null && valueName.Split('|').Contains("NAMES");

    // Placeholders are in capitals.
    private static bool IsValue(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-' or ':' or '.');
}
