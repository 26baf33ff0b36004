using System.CommandLine;
using System.CommandLine.Parsing;
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

    /// <summary>The most helpful error: an invalid value, else an unknown word, else a missing one.</summary>
    public static UsageException Error(ParseResult parsed)
    {
        if (parsed.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult) is { } wrongValue)
        {
            var result = (OptionResult)wrongValue.SymbolResult!;
            string message = result.Tokens.Count > 0 || result.Option.Arity.MinimumNumberOfValues == 0 ? wrongValue.Message
                : $"{result.Option.Name}: expected a value{(result.Option.HelpName is { } name ? $" ({name})" : "")}, found none.";
            return new(message, CommandOf(parsed));
        }

        return parsed.UnmatchedTokens.Count > 0
            ? UnknownWord(parsed, parsed.UnmatchedTokens[0])
            : new(parsed.Errors[0].Message, CommandOf(parsed));
    }

    /// <summary>The error for an unknown option or command, with the most similar known one.</summary>
    public static UsageException UnknownWord(ParseResult parsed, string word)
    {
        var command = parsed.CommandResult.Command;
        if (command.Subcommands.Count > 0 && !CommandWords.IsName(word))
        {
            string[] names = [.. command.Subcommands.Select(sub => sub.Name)];
            string? near = NearestName.Of(word, names);
            return new($"expected {string.Join(" or ", names)}, found {word}.", CommandOf(parsed), HintOf(near));
        }

        return UnknownWord(word, NamesOf(command), CommandOf(parsed));
    }

    /// <summary>The error for a word that is not a known one.</summary>
    public static UsageException UnknownWord(string word, IEnumerable<string> known, string command)
    {
        // "eval-dataset" and "--eval_datset" are both near to --eval-dataset.
        var names = known.DistinctBy(Bare).ToDictionary(Bare, StringComparer.Ordinal);
        string? near = NearestName.Of(Bare(word.Split('=')[0]), names.Keys);
        return new($"there is no option or command {word}.", command, HintOf(near is null ? null : names[near]));
    }

    private static IEnumerable<string> NamesOf(Command command) =>
    [
        .. command.Options.Where(option => !option.Hidden).Select(option => option.Name),
        .. command is ToolCommand tool ? tool.OtherNames : [],
    ];

    private static string Bare(string name) => name.TrimStart('-').Replace('_', '-');

    private static string? HintOf(string? name) => name is null ? null : $"Did you mean {name}?";
}
