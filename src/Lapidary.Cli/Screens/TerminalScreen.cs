using System.Runtime.InteropServices;
using Spectre.Console;

namespace Lapidary.Cli.Screens;

/// <summary>What the process's own terminal can show.</summary>
internal static unsafe partial class TerminalScreen
{
    private const nuint GetWindowSize = 0x5413; // TIOCGWINSZ of Linux

    /// <summary>The terminal as its environment describes it: TERM=dumb knows no codes, NO_COLOR wants no colours.</summary>
    /// <param name="isError">Whether standard error is what shows on it.</param>
    public static Screen Of(bool isError) => new(
        () => Width(isError ? 2 : 1), KnowsCodes(isError), string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    /// <summary>Columns, 0 where they are not known. .NET's own answer prepares the terminal for typing first, with codes that it
    /// prints.</summary>
    private static int Width(int descriptor)
    {
        if (OperatingSystem.IsLinux())
        {
            WindowSize size = default;
            return Control(descriptor, GetWindowSize, &size) == 0 ? size.Columns : 0;
        }

        try
        {
            return Console.WindowWidth;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return 0;
        }
    }

    /// <summary>On Windows codes have to be turned on, which Spectre does.</summary>
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
