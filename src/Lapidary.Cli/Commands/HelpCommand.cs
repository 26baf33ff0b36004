using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Commands;

/// <summary>help: another way to ask for --help.</summary>
internal static class HelpCommand
{
    public const string Summary = "Show the help of a command.";

    /// <summary>Prints docs/cli.md; for those who build the tool.</summary>
    public const string Markdown = "--markdown";

    private const string Name = "help", All = "--all";

    private static readonly Argument<string[]> Words =
        new("COMMAND") { Arity = ArgumentArity.ZeroOrMore, Description = "The command; the tool's own help without one." };

    /// <summary>The command for lists of commands; what it would do, <see cref="Resolve"/> does.</summary>
    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand(Name, Summary, "train", "cache prune", $"train {All}")
            .Takes(Words)
            .Takes(
                new Option<bool>(All) { Description = "Show all options." },
                new Option<bool>(Markdown) { Hidden = true });

    /// <summary>"help train": "train --help". Anything else stays as it is.</summary>
    public static string[] Resolve(IReadOnlyList<string> args)
    {
        if (args.Count == 0 || args[0] != Name) return [.. args];
        string[] words = [.. args.Skip(1).Where(word => word is not (All or "--help" or "-h"))];
        return [.. words, args.Contains(All) ? "--help-all" : "--help"];
    }
}
