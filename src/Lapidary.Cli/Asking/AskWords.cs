using Lapidary.Cli.CommandLine;
using Lapidary.TextToSql.Asking.Files;

namespace Lapidary.Cli.Asking;

/// <summary>The words of a command line: files, and a question at their end.</summary>
internal static class AskWords
{
    /// <summary>Tells them apart: a word is a file if there is one, or if it ends like one.</summary>
    /// <exception cref="UsageException">There are several questions.</exception>
    public static (IReadOnlyList<string> Files, string? Question) Of(IReadOnlyList<string> words, CommandRun run)
    {
        bool hasQuestion = words.Count > 1 && !IsFile(words[^1]);
        string[] files = [.. words.Take(hasQuestion ? words.Count - 1 : words.Count)];
        if (files.Skip(1).FirstOrDefault(word => !IsFile(word)) is { } other)
            throw run.Wrong($"expected one question in quotes after the files, found \"{other}\" and \"{words[^1]}\".");
        return (files, hasQuestion ? words[^1] : null);
    }

    private static bool IsFile(string word) =>
        Path.Exists(word) || (FileKinds.IsName(word) && !word.Contains(' ', StringComparison.Ordinal));
}
