using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.CommandLine;

/// <summary>A command of the tool: what it takes, in the order of its help text, and what it runs.</summary>
internal sealed class ToolCommand : Command
{
    private readonly List<Setting> _settings = [];

    /// <param name="name">As typed.</param> <param name="description">One line.</param>
    /// <param name="examples">For the end of the help text: what stands behind "lapidary" and the name.</param>
    public ToolCommand(string name, string description, params string[] examples) : base(name, description)
    {
        string[] lines = [.. examples.Select(example => $"lapidary {name} {example}".TrimEnd())];
        Options.Add(new HelpOption { Action = new HelpWithExamples(lines) });
    }

    /// <summary>--json of the commands whose result is for machines too.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "Print the result as JSON, alone on standard output." };

    /// <summary>--config of the commands that take a run's settings.</summary>
    public static Option<string?> Config { get; } = new("--config")
    {
        HelpName = "FILE",
        Description = "YAML file with the same names; options go before it. A run writes its own to run.yaml.",
    };

    /// <summary>Adds settings in their order.</summary>
    public ToolCommand Takes(params IEnumerable<Setting> settings)
    {
        foreach (var setting in settings)
        {
            _settings.Add(setting);
            Options.Add(setting.Option);
        }

        return this;
    }

    /// <summary>Adds options that are no settings: a configuration file cannot give them.</summary>
    public ToolCommand Takes(params IEnumerable<Option> options)
    {
        foreach (var option in options) Options.Add(option);
        return this;
    }

    /// <summary>Adds words that are no options.</summary>
    public ToolCommand Takes(Argument argument)
    {
        Arguments.Add(argument);
        return this;
    }

    /// <summary>Sets what the command does; it is done when that returns.</summary>
    public ToolCommand Runs(Terminal terminal, Action<CommandRun> run) => Runs(terminal, command =>
    {
        run(command);
        return ExitCodes.Done;
    });

    /// <summary>Sets what the command does.</summary>
    /// <param name="terminal">Where it prints.</param> <param name="run">Returns the exit code.</param>
    public ToolCommand Runs(Terminal terminal, Func<CommandRun, int> run)
    {
        SetAction(parsed => run(new CommandRun(_settings, parsed, terminal)));
        return this;
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
