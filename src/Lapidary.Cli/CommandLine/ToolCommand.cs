using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Lapidary.Cli.Options;

/// <summary>Puts a command together from its settings.</summary>
internal static class CommandBuilder
{
    /// <summary>--json of the commands whose result is for machines too.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print the result as JSON, alone on standard output." };

    /// <summary>A command whose help text ends with examples.</summary>
    public static Command Create(string name, string description, params string[] examples)
    {
        var command = new Command(name, description);
        command.Options.Add(new HelpOption { Action = new HelpWithExamples([.. examples.Select(example => $"lapidary {name} {example}".TrimEnd())]) });
        return command;
    }

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

    private sealed class HelpWithExamples(string[] examples) : SynchronousCommandLineAction
    {
        private readonly HelpAction _help = new();

        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int exitCode = _help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples) output.WriteLine($"  {example}");
            return exitCode;
        }
    }
}
