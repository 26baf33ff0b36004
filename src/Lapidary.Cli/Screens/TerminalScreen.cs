using System.Runtime.InteropServices;
using Spectre.Console;

namespace Lapidary.Cli.Screens;

/// <summary>The abilities of the process's terminal.</summary>
internal static unsafe partial class TerminalScreen
{
    private const nuint GetWindowSize = 0x5413; // TIOCGWINSZ of Linux

    /// <summary>The terminal as described by its environment: TERM=dumb means no escape codes, NO_COLOR means no colours.</summary>
    /// <param name="isError">Whether standard error is the stream on it.</param>
    public static Screen Of(bool isError) => new(
        () => Size(isError ? 2 : 1).Columns, KnowsCodes(isError), string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
        () => Size(isError ? 2 : 1).Rows);

    /// <summary>Number of columns and rows, 0 if unknown. .NET's own query would first prepare the terminal for typing, and print escape
    /// codes for it.</summary>
    private static (int Columns, int Rows) Size(int descriptor)
    {
        if (OperatingSystem.IsLinux())
        {
            WindowSize size = default;
            return Control(descriptor, GetWindowSize, &size) == 0 ? (size.Columns, size.Rows) : (0, 0);
        }

        try
        {
            return (Console.WindowWidth, Console.WindowHeight);
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return (0, 0);
        }
    }

    /// <summary>On Windows, escape codes must be turned on, which Spectre does.</summary>
    private static bool KnowsCodes(bool isError)
    {
        if (!OperatingSystem.IsWindows()) return Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(isError ? Console.Error : Console.Out),
        });
        return console.Profile.Capabilities.Ansi;
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int descriptor, nuint request, WindowSize* size);

    // struct winsize.
    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows, Columns, Width, Height;
    }
}
