using System.Text;
using Lapidary.Cli.Screens;
using Lapidary.Hub;

namespace Lapidary.Cli.Output;

/// <summary>The three streams and the user's wish to stop, passed to every command so that tests can stand in for them.</summary>
/// <param name="input">Standard input.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="screen">The screen that one or both of the outputs show on; null without one.</param>
/// <param name="outIsScreen">Whether standard output shows on it.</param>
/// <param name="errorIsScreen">Whether standard error does.</param>
internal sealed class Terminal(
    TextReader input, TextWriter output, TextWriter error, Screen? screen = null, bool outIsScreen = false, bool errorIsScreen = false)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Standard input.</summary>
    public TextReader In => input;

    /// <summary>Standard output for results: a command whose result cannot be written has failed. Of several processes that work on one
    /// thing only the first prints it.</summary>
    public TextWriter Out => IsLeader ? OutForResults : TextWriter.Null;

    /// <summary>Standard error: errors, and under --json everything for people. Never fails.</summary>
    public TextWriter Error { get; } = OnScreen(errorIsScreen ? screen : null, new PeopleWriter(error));

    /// <summary>Whether <see cref="Error"/> is a screen.</summary>
    public bool ErrorIsScreen => errorIsScreen;

    /// <summary>Asks a question on the screen; the answer is not shown where that is said. Null where nobody can answer.</summary>
    public Func<string, bool, string>? Ask { get; init; }

    /// <summary>The Hub and its cache; null for those that the environment names.</summary>
    public HubOptions? Hub { get; init; }

    /// <summary>Cancelled by Ctrl-C while <see cref="EndsGracefully"/> is held; otherwise that ends the process.</summary>
    public CancellationToken Interrupted { get; init; }

    /// <summary>Which rank of several processes this is, for errors: "[rank 1 (node-b)] "; empty where it is the only one.</summary>
    public string RankPrefix { get; private set; } = "";

    /// <summary>Where other processes wait for this one: tells them the line of the error with which it ends, with its exit code, and
    /// says it
    /// to people where none of the others does; null where nobody waits.</summary>
    public Action<string, int, Action>? Awaited { get; set; }

    /// <summary>Whether the error with which this process ends has been said, here or by another process.</summary>
    public bool IsErrorSaid { get; private set; }

    /// <summary>Whether this process tells people how the work goes.</summary>
    public bool IsLeader { get; private set; } = true;

    private Interruption? Interruption { get; init; }

    private TextWriter OutForResults { get; } = OnScreen(outIsScreen ? screen : null, new ResultWriter(output));

    private TextWriter OutForPeople { get; } = OnScreen(outIsScreen ? screen : null, new PeopleWriter(
        output, reason => Tell(error, $"lapidary: warning: standard output cannot be written ({reason}); the work goes on.")));

    /// <summary>The process's own streams, in UTF-8 with "\n".</summary>
    public static Terminal System(Interruption interruption)
    {
        if (OperatingSystem.IsWindows() && !Console.IsOutputRedirected) Console.OutputEncoding = Utf8;
        Terminal? terminal = null;
        var (outIsScreen, errorIsScreen) = (!Console.IsOutputRedirected, !Console.IsErrorRedirected);
        var screen = outIsScreen || errorIsScreen ? TerminalScreen.Of(isError: !outIsScreen) : null;
        terminal = new Terminal(Reader(), Writer(1), Writer(2), screen, outIsScreen, errorIsScreen)
        {
            Ask = Question.CanBeAsked ? (question, isSecret) => Question.Ask(terminal!.Error, question, isSecret) : null,
            Interrupted = interruption.Token,
            Interruption = interruption,
        };
        interruption.Ends = () => terminal.EndWith($"lapidary: {terminal.RankPrefix}interrupted.");
        return terminal;
    }

    /// <summary>Says that this is one of several processes that work on one thing: the first one alone tells people about it, and errors
    /// say whose they are.</summary>
    public void SpeakAs(string rank, bool isLeader)
    {
        (RankPrefix, IsLeader) = ($"[{rank}] ", isLeader);
        screen?.TurnOff(); // a launcher may hand each of its processes a screen that is none: it collects their lines
    }

    /// <summary>Says that the error with which this process ends has been said, here or by another process.</summary>
    public void ErrorIsSaid() => IsErrorSaid = true;

    /// <summary>Says that the command looks at <see cref="Interrupted"/> and then ends by itself, until the result is disposed; null where
    /// there are no signals.</summary>
    public IDisposable? EndsGracefully() => Interruption?.EndsGracefully();

    /// <summary>Hands Ctrl-C to a command, as <see cref="Interruption.Catch"/> does; null where there are no signals.</summary>
    public IDisposable? HandleInterrupt(Func<bool> handler) => Interruption?.Catch(handler);

    /// <summary>Where text for people goes: standard output is for the result alone under --json. Never fails.</summary>
    public TextWriter People(bool json) => !IsLeader ? TextWriter.Null : json ? Error : OutForPeople;

    /// <summary>The screen that <see cref="People"/> shows on; null where that is none.</summary>
    public Screen? ScreenOf(bool json) => RankPrefix.Length == 0 && (json ? errorIsScreen : outIsScreen) ? screen : null;

    private static TextWriter OnScreen(Screen? screen, TextWriter writer) =>
        screen is null ? writer : new ScreenWriter(writer, screen);

    /// <summary>The last line of a process that a signal ends, under which nothing is left of the status line.</summary>
    private void EndWith(string line)
    {
        screen?.Clear();
        Error.WriteLine(line);
    }

    private static void Tell(TextWriter error, string line) => new PeopleWriter(error).WriteLine(line);

    /// <summary>Standard input as it comes. Console.In would prepare a screen for typing, with codes that a launcher which collects the
    /// output of its processes would show.</summary>
    private static TextReader Reader() => !StandardStream.IsOpen(0) ? TextReader.Null
        : OperatingSystem.IsWindows() ? Console.In
        : new StreamReader(Console.OpenStandardInput(), Utf8);

    private static StreamWriter Writer(int descriptor)
    {
        var stream = !OperatingSystem.IsWindows() ? new StandardStream(descriptor)
            : descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();
        return new(stream, Utf8) { AutoFlush = true, NewLine = "\n" };
    }
}
