using System.CommandLine;
using System.CommandLine.Parsing;
using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>Help for a command line that was not understood.</summary>
internal static class Usage
{
    /// <summary>The command as typed: "lapidary train".</summary>
    public static string CommandOf(ParseResult parsed) =>
        parsed.CommandResult.Parent is CommandResult ? $"lapidary {parsed.CommandResult.Command.Name}" : "lapidary";

    /// <summary>The error that says most: a wrong value, else a word that is not known, else what is missing.</summary>
    public static UsageException Error(ParseResult parsed)
    {
        if (parsed.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult) is { } wrongValue)
            return new(wrongValue.Message, CommandOf(parsed));
        return parsed.UnmatchedTokens.Count > 0
            ? UnknownWord(parsed, parsed.UnmatchedTokens[0])
            : new(parsed.Errors[0].Message, CommandOf(parsed));
    }

    /// <summary>The error for a word that is no option or command, with the one that was probably meant.</summary>
    public static UsageException UnknownWord(ParseResult parsed, string word)
    {
        var command = parsed.CommandResult.Command;
        var known = command.Options.Select(option => option.Name).Concat(command.Subcommands.Select(sub => sub.Name));
        string? hint = NearestName.Of(word.Split('=')[0], known) is { } name ? $"Did you mean {name}?" : null;
        return new($"there is no option or command {word}.", CommandOf(parsed), hint);
    }
}
