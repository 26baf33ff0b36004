using System.Text;
using Lapidary.Cli.Screens;
using Lapidary.Hub;

namespace Lapidary.Cli.Output;

/// <summary>The three streams and the cancellation request, passed to every command so that tests can replace them.</summary>
/// <param name="input">Standard input.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="screen">The screen of one or both outputs; null without one.</param>
/// <param name="outIsScreen">Whether standard output is on the screen.</param>
/// <param name="errorIsScreen">Whether standard error is on the screen.</param>
internal sealed class Terminal(
    TextReader input, TextWriter output, TextWriter error, Screen? screen = null, bool outIsScreen = false, bool errorIsScreen = false)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Standard input.</summary>
    public TextReader In => input;

    /// <summary>Standard output for results: a command whose result cannot be written has failed. Of several processes with a common task,
    /// only the first prints the result.</summary>
    public TextWriter Out => IsLeader ? OutForResults : TextWriter.Null;

    /// <summary>Standard error: errors, and with --json all text for people. Never fails.</summary>
    public TextWriter Error { get; } = OnScreen(errorIsScreen ? screen : null, new PeopleWriter(error));

    /// <summary>Whether <see cref="Error"/> is a screen.</summary>
    public bool ErrorIsScreen => errorIsScreen;

    /// <summary>Asks a question on the screen, optionally with hidden input. Null if nobody can answer.</summary>
    public Func<string, bool, string>? Ask { get; init; }

    /// <summary>Reads lines that can be edited; null if nobody types, or the terminal has no escape codes.</summary>
    public LineEditor? Editor { get; init; }

    /// <summary>The Hub and its cache; null for those of the environment.</summary>
    public HubOptions? Hub { get; init; }

    /// <summary>Cancelled by Ctrl-C while <see cref="EndsGracefully"/> is held; otherwise Ctrl-C ends the process.</summary>
    public CancellationToken Interrupted { get; init; }

    /// <summary>The rank of this process, for errors: "[rank 1 (node-b)] "; empty for a single process.</summary>
    public string RankPrefix { get; private set; } = "";

    /// <summary>Used if other processes wait for this one: sends them the line of the final error with its exit code, and shows it if no
    /// other process does; null if nobody waits.</summary>
    public Action<string, int, Action>? Awaited { get; set; }

    /// <summary>Whether the final error of this process was shown, here or by another process.</summary>
    public bool IsErrorSaid { get; private set; }

    /// <summary>Whether this process shows the progress.</summary>
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
            Editor = Question.CanBeAsked && screen is { HasCodes: true } && errorIsScreen
                ? new LineEditor(new ConsoleKeys(), new ScreenWriter(Writer(2), screen), screen) : null,
            Interrupted = interruption.Token,
            Interruption = interruption,
        };
        interruption.Ends = () => terminal.EndWith($"lapidary: {terminal.RankPrefix}interrupted.");
        return terminal;
    }

    /// <summary>Declares that this is one of several processes with a common task: only the first shows progress, and errors name their
    /// process.</summary>
    public void SpeakAs(string rank, bool isLeader)
    {
        (RankPrefix, IsLeader) = ($"[{rank}] ", isLeader);
        screen?.TurnOff(); // a launcher may hand each of its processes a screen that is none: it collects their lines
    }

    /// <summary>Declares that the final error of this process was shown, here or by another process.</summary>
    public void ErrorIsSaid() => IsErrorSaid = true;

    /// <summary>Declares that the command checks <see cref="Interrupted"/> and then ends by itself, until the result is disposed; null
    /// without signals.</summary>
    public IDisposable? EndsGracefully() => Interruption?.EndsGracefully();

    /// <summary>Passes Ctrl-C to a command like <see cref="Interruption.Catch"/>; null without signals.</summary>
    public IDisposable? HandleInterrupt(Func<bool> handler) => Interruption?.Catch(handler);

    /// <summary>The stream for human-readable text: with --json, standard output is only for the result. Never fails.</summary>
    public TextWriter People(bool json) => !IsLeader ? TextWriter.Null : json ? Error : OutForPeople;

    /// <summary>The screen of <see cref="People"/>; null if it is not a screen.</summary>
    public Screen? ScreenOf(bool json) => RankPrefix.Length == 0 && (json ? errorIsScreen : outIsScreen) ? screen : null;

    /// <summary>Reads a line from standard input. On a screen, its line end is also shown.</summary>
    public string? ReadLine()
    {
        string? line = input.ReadLine();
        if (line is not null) screen?.StartsRow();
        return line;
    }

    private static TextWriter OnScreen(Screen? screen, TextWriter writer) =>
        screen is null ? writer : new ScreenWriter(writer, screen);

    /// <summary>The last line of a process that a signal ends; it removes the rest of the status line.</summary>
    private void EndWith(string line)
    {
        Editor?.Leave();
        screen?.Clear();
        if (errorIsScreen) screen?.EndLine(error);
        Error.WriteLine(line);
    }

    private static void Tell(TextWriter error, string line) => new PeopleWriter(error).WriteLine(line);

    /// <summary>Standard input, unprocessed. Console.In would prepare a screen for typing, with escape codes that a launcher would show in
    /// the collected output of its processes.</summary>
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
