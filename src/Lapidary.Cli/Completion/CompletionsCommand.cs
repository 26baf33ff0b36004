using System.CommandLine;
using System.CommandLine.Completions;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Completion;

/// <summary>completions: prints a script that lets a shell complete the tool's command lines.</summary>
internal static class CompletionsCommand
{
    public const string Summary = "Print a script that completes commands, options and values in your shell.";

    private static readonly Argument<string> Shell = new("SHELL")
    {
        Description = string.Join('\n', ShellScripts.Names.Select(name => $"{name}: {ShellScripts.HowToInstall(name)}")),
        CompletionSources = { _ => ShellScripts.Names.Select(name => new CompletionItem(name)) },
    };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("completions", Summary, "bash", "pwsh").Takes(Shell).Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        string shell = run.Get(Shell)!;
        string script = ShellScripts.Of(shell)
            ?? throw run.Wrong($"{Shell.Name}: {SettingText.Expected(SettingText.Choices([.. ShellScripts.Names]), shell).Message}.");
        run.Terminal.Out.Write(script);
    }
}
