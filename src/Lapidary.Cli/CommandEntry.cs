using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;

namespace Lapidary.Cli;

/// <summary>An entry in the list of commands. The command is built only when it is requested.</summary>
/// <param name="Group">Its title in the tool's help.</param>
/// <param name="Name">As typed.</param>
/// <param name="Summary">One line.</param>
/// <param name="Create">Builds it.</param>
/// <param name="Aliases">Other names.</param>
internal sealed record CommandEntry(
    string Group, string Name, string Summary, Func<Terminal, ToolCommand> Create, params string[] Aliases)
{
    /// <summary>The command with its other names.</summary>
    public Command Build(Terminal terminal)
    {
        var command = Create(terminal);
        foreach (string alias in Aliases) command.Aliases.Add(alias);
        return command;
    }
}
