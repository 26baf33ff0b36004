using System.Text;
using Spectre.Console;

namespace Lapidary.Cli.Output;

/// <summary>The three streams and the user's wish to stop, passed to every command so that tests can stand in for them.</summary>
/// <param name="In">Standard input.</param> <param name="Out">Standard output: results.</param>
/// <param name="Error">Standard error: errors, and under --json everything for people.</param>
internal sealed record Terminal(TextReader In, TextWriter Out, TextWriter Error)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Whether <see cref="Out"/> is a screen.</summary>
    public bool OutIsScreen { get; init; }

    /// <summary>Whether <see cref="Error"/> is a screen.</summary>
    public bool ErrorIsScreen { get; init; }

    /// <summary>Cancelled by Ctrl-C.</summary>
    public CancellationToken Interrupted { get; init; }

    /// <summary>The process's own streams, in UTF-8 with "\n".</summary>
    public static Terminal System(CancellationToken interrupted)
    {
        if (OperatingSystem.IsWindows() && !Console.IsOutputRedirected) Console.OutputEncoding = Utf8;
        return new(Console.In, Writer(Console.OpenStandardOutput()), Writer(Console.OpenStandardError()))
        {
            OutIsScreen = !Console.IsOutputRedirected,
            ErrorIsScreen = !Console.IsErrorRedirected,
            Interrupted = interrupted,
        };
    }

    /// <summary>Where text for people goes: standard output is for the result alone under --json.</summary>
    public TextWriter People(bool json) => json ? Error : Out;

    /// <summary>Spectre's console over <see cref="People"/>.</summary>
    public IAnsiConsole Ansi(bool json)
    {
        bool screen = json ? ErrorIsScreen : OutIsScreen;
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(People(json)),
            Interactive = screen ? InteractionSupport.Yes : InteractionSupport.No,
            Ansi = screen ? AnsiSupport.Detect : AnsiSupport.No,
        });
    }

    private static StreamWriter Writer(Stream stream) =>
        new(stream, Utf8) { AutoFlush = true, NewLine = "\n" };
}
