using System.CommandLine;
using System.CommandLine.Parsing;

namespace Lapidary.Cli.Options;

/// <summary>Help for a command line that was not understood.</summary>
internal static class Usage
{
    /// <summary>The command as typed: "lapidary train".</summary>
    public static string CommandOf(ParseResult parsed) =>
        parsed.CommandResult.Parent is CommandResult ? $"lapidary {parsed.CommandResult.Command.Name}" : "lapidary";

    /// <summary>The error that says most: a wrong value, else a word that is not known, else what is missing.</summary>
    public static UsageException Error(ParseResult parsed)
    {
        if (parsed.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult) is { } wrongValue) return new(wrongValue.Message, CommandOf(parsed));
        string message = parsed.UnmatchedTokens.Count > 0 ? $"there is no option or command {parsed.UnmatchedTokens[0]}." : parsed.Errors[0].Message;
        return new(message, CommandOf(parsed), Hint(parsed));
    }

    /// <summary>The nearest option or command to one that is not known.</summary>
    private static string? Hint(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens.Count == 0) return null;
        string typed = parsed.UnmatchedTokens[0].Split('=')[0];
        var command = parsed.CommandResult.Command;
        var known = command.Options.Select(option => option.Name).Concat(command.Subcommands.Select(sub => sub.Name));
        return NearestName.Of(typed, known) is { } name ? $"Did you mean {name}?" : null;
    }
}
