using System.CommandLine;
using System.CommandLine.Parsing;
using Lapidary.Cli.Help;
using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>Error messages for a command line that cannot be parsed.</summary>
internal static class Usage
{
    /// <summary>The tool's name.</summary>
    public const string Tool = "lapidary";

    /// <summary>The command as typed: "lapidary train".</summary>
    public static string CommandOf(ParseResult parsed) => PathOf(parsed.CommandResult.Command);

    /// <summary>The command with its parents: "lapidary cache prune".</summary>
    public static string PathOf(Command command) => command is RootCommand
        ? Tool
        : $"{(command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? PathOf(parent) : Tool)} {command.Name}";

    /// <summary>The most helpful error: an invalid value, else an unknown word, else a missing one. The parser's own words are not
    /// shown.</summary>
    public static UsageException Error(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        foreach (var error in parsed.Errors)
            if (error.SymbolResult is OptionResult option) return new(OfOption(option, error.Message), PathOf(command));
        if (parsed.UnmatchedTokens.Count > 0) return UnknownWord(command, parsed.UnmatchedTokens[0]);
        string[] missing =
        [
            .. command.Arguments.Where(argument => argument.Arity.MinimumNumberOfValues > 0 && parsed.GetResult(argument) is not
                { Tokens.Count: > 0 }).Select(argument => argument.Name),
        ];
        string usage = string.Join(' ', command.Arguments.Select(argument => argument.Name));
        return missing.Length == 0
            ? new(parsed.Errors[0].Message, PathOf(command))
            : new($"{RequiredOption.Listed(missing, "and")} {(missing.Length == 1 ? "is" : "are")} missing: {PathOf(command)} {usage}.",
                PathOf(command));
    }

    /// <summary>A word among a command's files or texts that has the form of an option; null if there is none. After -- words are taken as
    /// they are; a hidden argument takes all, to refuse them itself.</summary>
    public static string? MistypedOption(ParseResult parsed) => parsed.CommandResult.Children.OfType<ArgumentResult>()
        .Where(result => !result.Argument.Hidden)
        .SelectMany(argument => argument.Tokens).Select(token => token.Value).FirstOrDefault(CommandWords.IsName);

    /// <summary>The error for an unknown option or command, with the most similar known one.</summary>
    public static UsageException UnknownWord(Command command, string word)
    {
        if (CommandWords.IsName(word)) return UnknownWord(word, NamesOf(command), PathOf(command));
        string[] names = [.. command.Subcommands.Select(sub => sub.Name)];
        if (names.Length > 0)
            return new($"expected {RequiredOption.Listed(names, "or")}, found {word}.", PathOf(command), NameHints.Of(word, names));
        string? hint = NameHints.Of(word, NamesOf(command));
        if (hint is null && command is ToolCommand tool)
        {
            if (tool.Find("--prompt") is not null) hint = $"A text is given as --prompt {ShellText.Quote(word)}.";
            else if (tool.Find("--include") is not null) hint = $"A file is named by --include {ShellText.Quote(word)}.";
        }

        return new($"expected {(command.Arguments.Count == 0 ? "an option" : "no further word")}, found {word}.", PathOf(command), hint);
    }

    /// <summary>The error for a word that is not a known one.</summary>
    public static UsageException UnknownWord(string word, IEnumerable<string> known, string command) =>
        new($"there is no option or command {word}.", command, NameHints.Of(word.Split('=')[0], known));

    private static string OfOption(OptionResult result, string message)
    {
        var option = result.Option;
        if (message.StartsWith(option.Name + ":", StringComparison.Ordinal)) return message; // from a setting
        string expected = option.ValueType == typeof(bool) ? "true or false" : option.HelpName switch
        {
            null => "a value",
            "X" or "N" => "a number",
            var placeholder => placeholder,
        };
        return result.Tokens.Count == 0
            ? $"{option.Name}: expected {expected}, found nothing."
            : $"{option.Name}: expected {expected}, found \"{result.Tokens[^1].Value}\".";
    }

    private static IEnumerable<string> NamesOf(Command command) =>
    [
        .. command.Options.Where(option => !option.Hidden).Select(option => option.Name),
        .. command is ToolCommand tool ? tool.OtherNames : [],
    ];
}
