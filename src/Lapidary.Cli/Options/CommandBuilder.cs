using System.CommandLine;

namespace Lapidary.Cli.Options;

/// <summary>Puts a command together from its settings.</summary>
internal static class CommandBuilder
{
    /// <summary>--json of the commands whose result is for machines too.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print the result as JSON, alone on standard output." };

    /// <summary>A command with its examples, which follow its description in the help text.</summary>
    public static Command Create(string name, string description, params string[] examples) =>
        new(name, $"{description}\n\nExamples:\n{string.Join('\n', examples.Select(example => $"  lapidary {name} {example}"))}");

    /// <summary>Adds settings in their order.</summary>
    public static Command With(this Command command, IEnumerable<Setting> settings)
    {
        foreach (var setting in settings) command.Options.Add(setting.Option);
        return command;
    }

    /// <summary>Adds options that are no settings.</summary>
    public static Command With(this Command command, params Option[] options)
    {
        foreach (var option in options) command.Options.Add(option);
        return command;
    }

    /// <summary>Sets what the command does.</summary>
    /// <param name="command">The command.</param> <param name="run">Returns the exit code.</param>
    public static Command Runs(this Command command, Func<ParseResult, int> run)
    {
        command.SetAction(run);
        return command;
    }
}
