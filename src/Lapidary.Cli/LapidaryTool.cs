using System.CommandLine;
using Lapidary.Cli.Commands;
using Lapidary.Cli.Options;
using Lapidary.Cli.Output;
using Lapidary.Formats;

namespace Lapidary.Cli;

/// <summary>The composition root: the commands in the order of the help text, and the one place where errors become a line and an exit
/// code.</summary>
internal static class LapidaryTool
{
    // "@name" is a text like any other, and "-abc" no three options.
    internal static readonly ParserConfiguration ParserRules = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Runs the tool.</summary>
    /// <returns>0 done, 1 a clear error, 2 wrong usage, 130 interrupted.</returns>
    public static int Run(IReadOnlyList<string> args, Terminal terminal)
    {
        try
        {
            var parsed = Root(terminal).Parse(args, ParserRules);
            if (parsed.Errors.Count > 0) throw Usage.Error(parsed);
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Interruption has the signals
            });
        }
        catch (UsageException e)
        {
            return Fail(terminal, e.Message + (e.Hint is null ? "" : $" {e.Hint}"), ExitCodes.Usage, $"Run '{e.Command} --help' for its options.");
        }
        catch (LapidaryException e)
        {
            return Fail(terminal, e.Message, ExitCodes.Error);
        }
        catch (OperationCanceledException)
        {
            return Fail(terminal, "interrupted.", ExitCodes.Interrupted);
        }
        catch (Exception e)
        {
            string trace = Environment.GetEnvironmentVariable("LAPIDARY_DEBUG") == "1" ? e.ToString() : "Set LAPIDARY_DEBUG=1 to see where.";
            return Fail(terminal, $"unexpected {e.GetType().Name}: {e.Message} Please report this.", ExitCodes.Error, trace);
        }
    }

    /// <summary>The commands in the order of the help text.</summary>
    internal static RootCommand Root(Terminal terminal) => new("Fine-tune Google's Gemma models with QLoRA: data set, NF4 base, LoRA, merge, test.")
    {
        TrainCommand.Create(terminal),
        PlanCommand.Create(terminal),
        ScoreCommand.Create(terminal),
        GenerateCommand.Create(terminal),
        MergeCommand.Create(terminal),
        QuantizeCommand.Create(terminal),
        TokenizeCommand.Create(terminal),
        BenchCommand.Create(terminal),
        DoctorCommand.Create(terminal),
        DemoCommand.Create(terminal),
    };

    private static int Fail(Terminal terminal, string message, int exitCode, string? more = null)
    {
        terminal.Error.WriteLine($"lapidary: {PlainText.OneLine(message)}");
        if (more is not null) terminal.Error.WriteLine(more);
        return exitCode;
    }
}
