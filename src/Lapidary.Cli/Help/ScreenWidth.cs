using Lapidary.Cli.Output;

namespace Lapidary.Cli.Help;

/// <summary>Columns for help.</summary>
internal static class ScreenWidth
{
    /// <summary>Longer lines are hard to read.</summary>
    private const int Max = 120, Min = 32;

    /// <summary>The screen's columns; without a screen, those of a plain page.</summary>
    public static int Of(Terminal? terminal) =>
        terminal?.ScreenOf(json: false) is { } screen ? Math.Clamp(screen.Width, Min, Max) : HelpWriter.PlainWidth;
}
