using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli;

/// <summary>The composition root: the commands in the order of the help text, and the one place where errors become a line and an exit
/// code.</summary>
internal static class LapidaryTool
{
    // "@name" is a text like any other, and "-abc" no three options.
    internal static readonly ParserConfiguration ParserRules = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>The commands in the order of the help text.</summary>
    internal static RootCommand Root(Terminal terminal) =>
        new("Fine-tune Google's Gemma models with QLoRA: data set, NF4 base, LoRA, merge, test.")
        {
            TrainCommand.Create(terminal),
            PlanCommand.Create(terminal),
            ScoreCommand.Create(terminal),
            GenerateCommand.Create(terminal),
            ChatCommand.Create(terminal),
            MergeCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            TokenizeCommand.Create(terminal),
            RunsCommand.Create(terminal),
            LoginCommand.Create(terminal),
            LogoutCommand.Create(terminal),
            WhoAmICommand.Create(terminal),
            DownloadCommand.Create(terminal),
            UploadCommand.Create(terminal),
            CacheCommand.Create(terminal),
            BenchCommand.Create(terminal),
            DoctorCommand.Create(terminal),
            DemoCommand.Create(terminal),
        };

    /// <summary>Runs the tool.</summary>
    /// <returns>0 done, 1 a clear error, 2 wrong usage, 130 interrupted.</returns>
    public static int Run(IReadOnlyList<string> args, Terminal terminal)
    {
        try
        {
            var parsed = Root(terminal).Parse(args, ParserRules);
            AwaitedRank.Introduce(parsed, terminal);
            return parsed.Errors.Count == 0 ? Invoke(parsed, terminal) : throw Usage.Error(parsed);
        }
        catch (UsageException e)
        {
            string message = PlainText.WithoutTokens(e.Hint is null ? e.Message : $"{e.Message} {e.Hint}");
            return Fail(terminal, PlainText.OneLine(message), ExitCodes.Usage, $"Run '{e.Command} --help' for its options.");
        }
        catch (InterruptedException e)
        {
            return Fail(terminal, PlainText.OneLine(e.Message), ExitCodes.Interrupted);
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

    /// <summary>Runs the command; an error that a library finds names keys, the reader is told options.</summary>
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
            return Fail(terminal, OptionNames.Of(parsed).Line(e), ExitCodes.Error);
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
