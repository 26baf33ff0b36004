using System.CommandLine;
using Lapidary.Cli.Asking;
using Lapidary.Cli.Chat;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Completion;
using Lapidary.Cli.Data;
using Lapidary.Cli.Evaluation;
using Lapidary.Cli.Export;
using Lapidary.Cli.Help;
using Lapidary.Cli.History;
using Lapidary.Cli.Output;
using Lapidary.Cli.Serving;
using Lapidary.Formats;

namespace Lapidary.Cli;

/// <summary>The commands of the tool, in the order of its help.</summary>
internal static class CommandTable
{
    private const string Summary = "Fine-tune Google's Gemma models with QLoRA: data set, NF4 base, LoRA, merge, test.";

    private const string Train = "Train", Use = "Use", Hub = "Hugging Face Hub", Machine = "This machine";

    private static readonly CommandEntry[] Entries =
    [
        new(Train, "train", TrainCommand.Summary, TrainCommand.Create),
        new(Train, "data", DataCommand.Summary, DataCommand.Create),
        new(Train, "plan", PlanCommand.Summary, PlanCommand.Create),
        new(Train, "score", ScoreCommand.Summary, ScoreCommand.Create),
        new(Train, "eval", EvalCommand.Summary, EvalCommand.Create),
        new(Train, "runs", RunsCommand.Summary, RunsCommand.Create),
        new(Train, "report", ReportCommand.Summary, ReportCommand.Create),
        new(Use, "generate", GenerateCommand.Summary, GenerateCommand.Create),
        new(Use, "chat", ChatCommand.Summary, ChatCommand.Create),
        new(Use, "ask", AskCommand.Summary, AskCommand.Create),
        new(Use, "serve", ServeCommand.Summary, ServeCommand.Create),
        new(Use, "merge", MergeCommand.Summary, MergeCommand.Create),
        new(Use, "quantize", QuantizeCommand.Summary, QuantizeCommand.Create),
        new(Use, "export", ExportCommand.Summary, ExportCommand.Create),
        new(Use, "tokenize", TokenizeCommand.Summary, TokenizeCommand.Create),
        new(Hub, "login", LoginCommand.Summary, LoginCommand.Create),
        new(Hub, "logout", LogoutCommand.Summary, LogoutCommand.Create),
        new(Hub, "whoami", WhoAmICommand.Summary, WhoAmICommand.Create),
        new(Hub, "download", DownloadCommand.Summary, DownloadCommand.Create, "pull"),
        new(Hub, "upload", UploadCommand.Summary, UploadCommand.Create, "push"),
        new(Hub, "cache", CacheCommand.Summary, CacheCommand.Create),
        new(Machine, "demo", DemoCommand.Summary, DemoCommand.Create),
        new(Machine, "doctor", DoctorCommand.Summary, DoctorCommand.Create),
        new(Machine, "bench", BenchCommand.Summary, BenchCommand.Create),
        new(Machine, "completions", CompletionsCommand.Summary, CompletionsCommand.Create),
        new(Machine, "help", HelpCommand.Summary, HelpCommand.Create),
    ];

    /// <summary>Names of the commands and their aliases.</summary>
    public static IEnumerable<string> Names =>
        [.. Entries.Select(entry => entry.Name), .. Entries.SelectMany(entry => entry.Aliases), "--help", "--version"];

    /// <summary>The command of a name, or null.</summary>
    public static CommandEntry? Find(string name) => Array.Find(Entries, entry => entry.Name == name || entry.Aliases.Contains(name));

    /// <summary>Creates the tool with all commands.</summary>
    public static RootCommand Root(Terminal terminal) => Root(Entries, terminal);

    /// <summary>Creates the tool with some commands.</summary>
    public static RootCommand Root(IEnumerable<CommandEntry> entries, Terminal terminal)
    {
        var root = new RootCommand(Summary);
        foreach (var entry in entries) root.Subcommands.Add(entry.Build(terminal));
        return root;
    }

    /// <summary>The help of the tool.</summary>
    public static HelpPage Page()
    {
        var groups = Entries.GroupBy(entry => entry.Group).Select(group => new HelpSection(
            group.Key, [.. group.Select(entry => new HelpEntry(entry.Name, entry.Aliases, null, entry.Summary, null, IsMain: true))]));
        HelpEntry[] options =
        [
            new("--help", ["-h"], null, "Show this help.", null, IsMain: true),
            new("--version", [], null, "Show the version.", null, IsMain: true),
        ];
        return new HelpPage(
            Usage.Tool, Summary, "COMMAND [options]", [.. groups, new("Options", options)],
            ["lapidary demo", "lapidary help train"])
        {
            More = "'lapidary help COMMAND' shows a command's options, 'lapidary COMMAND --help-all' all of them.",
        };
    }

    /// <summary>All help as a Markdown document.</summary>
    public static string Markdown(Terminal terminal)
    {
        var pages = Root(terminal).Subcommands.Cast<ToolCommand>()
            .SelectMany(command => command.Subcommands.Cast<ToolCommand>().Prepend(command)).Select(command => command.Page());
        return HelpMarkdown.Of(Page(), [.. pages]);
    }

    /// <summary>The error for an unknown command. What people type who know another tool is shown as a command line to copy.</summary>
    /// <param name="word">The command as typed.</param>
    /// <param name="rest">The words after it.</param>
    public static UsageException Unknown(string word, IReadOnlyList<string> rest)
    {
        if (CommandWords.IsName(word) || Habits.OfCommand(word, rest) is not { } meant) return Usage.UnknownWord(word, Names, Usage.Tool);
        string line = string.Join(' ', meant.Select(ShellText.Quote));
        return new($"there is no command {word}.", Usage.Tool, $"Did you mean: {Usage.Tool} {line}");
    }
}
