using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Lapidary.Cli.Help;
using Lapidary.Cli.Output;
using Lapidary.Cli.Recipes;

namespace Lapidary.Cli.CommandLine;

/// <summary>A command of the tool: its options and its action.</summary>
internal sealed class ToolCommand : Command
{
    private readonly List<Setting> _settings = [];
    private readonly Dictionary<string, Option> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<Option, Setting> _settingOf = [];
    private readonly List<RequiredOption> _required = [];
    private Func<CommandRun, string?>? _hintOfMissing;
    private readonly string[] _examples;

    /// <param name="name">As typed.</param>
    /// <param name="description">One line.</param>
    /// <param name="examples">Examples for the end of the help text: the words after "lapidary" and the name.</param>
    public ToolCommand(string name, string description, params string[] examples) : base(name, description)
    {
        _examples = examples;
        Know(new HelpOption { Action = new ShowHelp(this, isAll: false), Description = "Show the most important options." });
        Know(new Option<bool>("--help-all") { Action = new ShowHelp(this, isAll: true), Description = "Show all options." });
    }

    /// <summary>--json, for commands that also have a machine-readable result.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "Print the result as JSON, alone on standard output." };

    /// <summary>--config, for commands with a run's settings.</summary>
    public static Option<string?> Config { get; } = new("--config")
    {
        HelpName = "FILE",
        Description = "YAML file with the same keys; command-line options override it. A run writes its own to run.yaml. Built in are "
            + $"Google's guide for each size, by name: {string.Join(", ", Recipe.Names)}.",
        CompletionSources = { _ => Recipe.Names.Select(name => new CompletionItem(name)) },
    };

    /// <summary>Names of other tools that the command accepts.</summary>
    public IEnumerable<string> OtherNames => GuideNames.Of(IsKnown).Select(pair => Typed(pair.Name.Key));

    /// <summary>Settings of other tools on the command line that change nothing.</summary>
    public IReadOnlyList<GivenConstant> Constants { get; set; } = [];

    /// <summary>Values that the command line does not let a configuration file give.</summary>
    public IReadOnlyList<RefusedValue> RefusedValues { get; set; } = [];

    /// <summary>Those of them that the help shows beside the options.</summary>
    public IEnumerable<string> ShortNames => GuideNames.Of(IsKnown).Where(pair => pair.Name.IsShown).Select(pair => Typed(pair.Name.Key));

    /// <summary>The flags as they are turned off: --no-packing.</summary>
    public IEnumerable<string> Negations =>
        _settings.Where(setting => setting is { IsFlag: true, Option.Hidden: false }).Select(setting => $"--no-{setting.Name}");

    private Terminal? Terminal { get; set; }

    /// <summary>Adds settings.</summary>
    public ToolCommand Takes(params IEnumerable<Setting> settings)
    {
        foreach (var setting in settings)
        {
            _settings.Add(setting);
            _settingOf.Add(setting.Option, setting);
            Know(setting.Option);
        }

        return this;
    }

    /// <summary>Adds options that are not settings: a configuration file cannot contain them.</summary>
    public ToolCommand Takes(params IEnumerable<Option> options)
    {
        foreach (var option in options) Know(option);
        return this;
    }

    /// <summary>Declares settings of which one must be given. The help marks them, and the command does not start without one.</summary>
    public ToolCommand Requires(params IEnumerable<Setting> settings) => Requires(settings.Select(setting => setting.Option));

    /// <inheritdoc cref="Requires(IEnumerable{Setting})"/>
    public ToolCommand Requires(params IEnumerable<Option> options)
    {
        _required.Add(new RequiredOption([.. options]));
        return this;
    }

    /// <summary>Sets what else to say if a required option is missing: a function that returns null for nothing.</summary>
    public ToolCommand HintsAtMissing(Func<CommandRun, string?> hint)
    {
        _hintOfMissing = hint;
        return this;
    }

    /// <summary>Adds arguments.</summary>
    public ToolCommand Takes(Argument argument)
    {
        Arguments.Add(argument);
        return this;
    }

    /// <summary>Adds subcommands.</summary>
    public ToolCommand Takes(params IEnumerable<ToolCommand> commands)
    {
        foreach (var command in commands) Subcommands.Add(command);
        return this;
    }

    /// <summary>Sets the command's action; the command is complete when it returns.</summary>
    public ToolCommand Runs(Terminal terminal, Action<CommandRun> run) => Runs(terminal, command =>
    {
        run(command);
        return ExitCodes.Done;
    });

    /// <summary>Sets the command's action.</summary>
    /// <param name="terminal">The output.</param>
    /// <param name="run">Returns the exit code.</param>
    public ToolCommand Runs(Terminal terminal, Func<CommandRun, int> run)
    {
        Terminal = terminal;
        SetAction(parsed =>
        {
            var command = new CommandRun(_settings, parsed, terminal, Constants, RefusedValues);
            command.Require(_required, _hintOfMissing);
            return run(command);
        });
        return this;
    }

    /// <summary>The option of a name with its dashes, or null.</summary>
    public Option? Find(string name) => _names.GetValueOrDefault(name);

    /// <summary>Another tool's name with its dashes, and the key that it stands for or belongs to; null for no such name.</summary>
    public (GuideName Name, string Target)? FindOther(string name) => GuideNames.Find(KeyOf(name), IsKnown);

    /// <summary>The key of "--max-seq-length", or of "-r".</summary>
    public static string KeyOf(string name) =>
        name.StartsWith("--", StringComparison.Ordinal) || name.Length == 2 ? name.TrimStart('-').Replace('-', '_') : name;

    /// <summary>The setting of an option; null if it has none.</summary>
    public Setting? SettingOf(Option option) => _settingOf.GetValueOrDefault(option);

    /// <summary>The help page.</summary>
    public HelpPage Page()
    {
        string path = Usage.PathOf(this);
        var sections = new List<HelpSection>();
        if (Subcommands.Count > 0)
            sections.Add(new("Commands", [.. Subcommands.Select(command => Word(command.Name, command.Description))]));
        Argument[] arguments = [.. Arguments.Where(argument => !argument.Hidden)];
        if (arguments.Length > 0)
            sections.Add(new("Arguments", [.. arguments.Select(argument => Word(argument.Name, argument.Description))]));
        var known = GuideNames.Of(IsKnown).ToArray();
        var options =
            from option in Options
            where !option.Hidden
            let name = option.Name.TrimStart('-')
            let place = OptionGroups.Of(Name, name)
            orderby place.Order
            group Entry(option, place, known) by place.Title;
        sections.AddRange(options.Select(group => new HelpSection(group.Key, [.. group])));
        string needed = string.Concat(_required.Select(option => $"{option.Usage} "));
        string words = string.Concat(arguments.Select(argument => $" {Shown(argument)}"));
        return new HelpPage(
            path, Description!, $"{(Subcommands.Count > 0 ? "[command] " : "")}{needed}[options]{words}", sections,
            [.. _examples.Select(example => $"{path} {example}".TrimEnd())])
        {
            OtherNames =
            [
                .. known.Where(pair => !pair.Name.IsShown).Select(pair => (Typed(pair.Name.Key), Meaning(pair.Name, pair.Target))),
            ],
        };

        static HelpEntry Word(string name, string? text) => new(name, [], null, text ?? "", null, IsMain: true);
    }

    private static string Typed(string key) => (key.Length == 1 ? "-" : "--") + key.Replace('_', '-');

    private static string Shown(Argument argument) =>
        (argument.Arity.MinimumNumberOfValues == 0 ? $"[{argument.Name}]" : argument.Name)
        + (argument.Arity.MaximumNumberOfValues > 1 ? "..." : "");

    private string Meaning(GuideName name, string target)
    {
        if (name.Constants is { } values) return $"{string.Join('|', values)} changes nothing: {OfOptions(name.Here!)}.";
        return $"{(name.Here is { } here ? OfOptions(here) : Typed(target))}.";

        string OfOptions(string text) => new OptionNames(Options.Select(OptionNames.KeyOf)).InPlaceOfKeys(text);
    }

    private HelpEntry Entry(Option option, OptionGroups.Place place, (GuideName Name, string Target)[] names)
    {
        var setting = SettingOf(option);
        string key = OptionNames.KeyOf(option);
        string[] aliases =
        [
            .. option.Aliases.Where(alias => alias is "-h" || (alias.StartsWith("--", StringComparison.Ordinal) && alias != option.Name)),
            .. names.Where(pair => pair.Name.IsShown && pair.Target == key).Select(pair => Typed(pair.Name.Key)),
        ];
        string? value = option.HelpName is null ? null : option.Arity.MinimumNumberOfValues == 0 ? $"[{option.HelpName}]" : option.HelpName;
        return new(option.Name, aliases, value, setting?.Help ?? option.Description ?? "", setting?.DefaultText, place.IsMain)
        {
            Need = _required.Select(required => required.MarkOf(option)).FirstOrDefault(mark => mark is not null),
        };
    }

    private bool IsKnown(string key) => Find("--" + key.Replace('_', '-')) is not null;

    private void Know(Option option)
    {
        Options.Add(option);
        _names[option.Name] = option;
        foreach (string alias in option.Aliases) _names[alias] = option;
        if (ValueWords.Of(option.HelpName) is { Count: > 0 } words && option.CompletionSources.Count == 0)
            option.CompletionSources.Add(_ => words.Select(word => new CompletionItem(word)));
    }

    private sealed class ShowHelp(ToolCommand command, bool isAll) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var output = parseResult.InvocationConfiguration.Output;
            new HelpWriter(output, ScreenWidth.Of(command.Terminal)).Write(command.Page(), isAll);
            return ExitCodes.Done;
        }
    }
}
