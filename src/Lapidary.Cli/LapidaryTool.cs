using System.CommandLine;
using System.Reflection;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Completion;
using Lapidary.Cli.Help;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli;

/// <summary>The composition root: selects the command, and is the one place where errors become a line and an exit code.</summary>
internal static class LapidaryTool
{
    // "@name" is an ordinary text, and "-abc" is not three options.
    internal static readonly ParserConfiguration ParserRules = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    private static string Version =>
        typeof(LapidaryTool).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>Creates the tool with all of its commands.</summary>
    internal static RootCommand Root(Terminal terminal) => CommandTable.Root(terminal);

    /// <summary>Runs the tool.</summary>
    /// <returns>0 success, 1 a clear error, 2 wrong usage, 130 interrupted.</returns>
    public static int Run(IReadOnlyList<string> args, Terminal terminal)
    {
        try
        {
            string[] words = HelpCommand.Resolve(args);
            if (words.Length == 0) return AskForCommand(terminal);
            return TryAnswer(args, words, terminal) ? ExitCodes.Done : RunCommand(words, HelpCommand.IsAskedFor(args), terminal);
        }
        catch (UsageException e)
        {
            string message = PlainText.WithoutTokens(e.Hint is null ? e.Message : $"{e.Message} {e.Hint}");
            return Fail(terminal, PlainText.OneLine(message), ExitCodes.Usage, $"Run '{e.Command} --help' for its options.");
        }
        catch (LapidaryException e)
        {
            return Fail(terminal, PlainText.OneLine(e.Message), ExitCodes.Error);
        }
        catch (InterruptedException e)
        {
            return Fail(terminal, PlainText.OneLine(e.Message), ExitCodes.Interrupted);
        }
        catch (ReaderGoneException)
        {
            return ExitCodes.ReaderGone;
        }
        catch (OperationCanceledException)
        {
            return Fail(terminal, "interrupted.", ExitCodes.Interrupted);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return Fail(terminal, PlainText.OneLine(e.Message), ExitCodes.Error);
        }
        catch (OutOfMemoryException)
        {
            return Fail(terminal, "there is not enough memory for this; use a smaller model, batch or file.", ExitCodes.Error);
        }
        catch (Exception e)
        {
            bool isDebug = Environment.GetEnvironmentVariable("LAPIDARY_DEBUG") == "1";
            string trace = isDebug ? e.ToString() : "Set LAPIDARY_DEBUG=1 to see where.";
            string message = PlainText.OneLine($"unexpected {e.GetType().Name}: {e.Message} Please report this.");
            return Fail(terminal, message, ExitCodes.Error, trace);
        }
    }

    /// <summary>The tool's name alone shows the help.</summary>
    private static int AskForCommand(Terminal terminal)
    {
        new HelpWriter(terminal.Error, ScreenWidth.Of(terminal)).Write(CommandTable.Page(), isAll: false);
        return ExitCodes.Usage;
    }

    /// <summary>Handles requests that need no command: the version, the tool's help, and a shell's completions.</summary>
    private static bool TryAnswer(IReadOnlyList<string> args, string[] words, Terminal terminal)
    {
        if (args is [_, HelpCommand.Markdown] && args[0] != words[0]) terminal.Out.Write(CommandTable.Markdown(terminal));
        else if (words[0] is "--version") terminal.Out.WriteLine(Version);
        else if (words[0] is "--help" or "--help-all" or "-h" or "-?")
            new HelpWriter(terminal.Out, ScreenWidth.Of(terminal)).Write(CommandTable.Page(), isAll: false);
        else if (Suggestions.IsAskedFor(words[0])) Suggest(words, terminal);
        else return false;
        return true;
    }

    private static void Suggest(string[] words, Terminal terminal)
    {
        string line = string.Join(' ', words[1..]);
        var found = Suggestions.Of(
            words[0], line, CommandTable.Names, name => (ToolCommand?)CommandTable.Find(name)?.Build(terminal));
        foreach (string word in found) terminal.Out.WriteLine(word);
    }

    /// <summary>Builds the requested command and runs it.</summary>
    private static int RunCommand(string[] words, bool isHelp, Terminal terminal)
    {
        var entry = CommandTable.Find(words[0]) ?? throw CommandTable.Unknown(words[0], isHelp ? [] : words[1..]);
        var root = CommandTable.Root([entry], terminal);
        var command = (ToolCommand)root.Subcommands[0];
        int depth = 1;
        while (depth < words.Length && command.Subcommands.FirstOrDefault(sub => sub.Name == words[depth]) is ToolCommand below)
            (command, depth) = (below, depth + 1);
        // Otherwise help of a mistyped subcommand would be that of its parent.
        if ((isHelp || command.Subcommands.Count > 0) && depth < words.Length && !CommandWords.IsName(words[depth]))
            throw Usage.UnknownWord(command, words[depth]);
        AwaitedRank.Introduce(command, terminal);
        var resolved = new CommandWords(command, Usage.PathOf(command));
        string[] rest = resolved.Resolve(words[depth..]);
        command.Constants = [.. resolved.Constants];
        command.RefusedValues = [.. resolved.RefusedValues];
        var parsed = root.Parse([.. words[..depth], .. rest], ParserRules);
        if (!words.Contains("--") && Usage.MistypedOption(parsed) is { } word) throw Usage.UnknownWord(command, word);
        return parsed.Errors.Count == 0 ? Invoke(parsed, terminal) : throw Usage.Error(parsed);
    }

    /// <summary>Runs the command. An error of a library names keys; the message for the user names options.</summary>
    private static int Invoke(ParseResult parsed, Terminal terminal)
    {
        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Interruption has the signals
            });
        }
        catch (LapidaryException e)
        {
            return Fail(terminal, CachedPaths.InIds(OptionNames.Of(parsed).Line(e), terminal), ExitCodes.Error);
        }
    }

    private static int Fail(Terminal terminal, string line, int exitCode, string? more = null)
    {
        if (terminal.Awaited is { } tell) tell(line, exitCode, Say);
        else if (!terminal.IsErrorSaid) Say();
        return exitCode;

        void Say()
        {
            terminal.Error.WriteLine($"lapidary: {terminal.RankPrefix}{line}");
            if (more is not null) terminal.Error.WriteLine(more);
        }
    }
}
