using System.CommandLine;
using System.CommandLine.Parsing;

namespace Lapidary.Cli.Options;

/// <summary>Help for a command line that was not understood.</summary>
internal static class Usage
{
    /// <summary>The command as typed: "lapidary train".</summary>
    public static string CommandOf(ParseResult parsed) =>
        parsed.CommandResult.Parent is CommandResult ? $"lapidary {parsed.CommandResult.Command.Name}" : "lapidary";

    /// <summary>The nearest option or command to one that is not known.</summary>
    public static string? Hint(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens.Count == 0) return null;
        string typed = parsed.UnmatchedTokens[0].Split('=')[0];
        var command = parsed.CommandResult.Command;
        var known = command.Options.Select(option => option.Name).Concat(command.Subcommands.Select(sub => sub.Name));
        return NearestName.Of(typed, known) is { } name ? $"Did you mean {name}?" : null;
    }
}
