using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Commands;

/// <summary>help: an alternative to --help.</summary>
internal static class HelpCommand
{
    public const string Summary = "Show the help of a command.";

    /// <summary>Prints docs/cli.md, for developers of the tool.</summary>
    public const string Markdown = "--markdown";

    private const string Name = "help", All = "--all";

    private static readonly Argument<string[]> Words =
        new("COMMAND") { Arity = ArgumentArity.ZeroOrMore, Description = "The command; the tool's own help without one." };

    /// <summary>The command for lists of commands; <see cref="Resolve"/> does its work.</summary>
    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand(Name, Summary, "train", "cache prune", $"train {All}")
            .Takes(Words)
            .Takes(
                new Option<bool>(All) { Description = "Show all options." },
                new Option<bool>(Markdown) { Hidden = true });

    /// <summary>Whether the command line begins with "help".</summary>
    public static bool IsAskedFor(IReadOnlyList<string> args) => args.Count > 0 && args[0] == Name;

    /// <summary>Converts "help train" to "train --help". Other words stay.</summary>
    public static string[] Resolve(IReadOnlyList<string> args)
    {
        if (!IsAskedFor(args)) return [.. args];
        string[] words = [.. args.Skip(1).Where(word => word is not (All or "--help" or "-h"))];
        return [.. words, args.Contains(All) ? "--help-all" : "--help"];
    }
}
