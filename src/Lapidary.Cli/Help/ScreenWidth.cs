using Lapidary.Cli.Output;

namespace Lapidary.Cli.Help;

/// <summary>Columns for help.</summary>
internal static class ScreenWidth
{
    /// <summary>Longer lines are hard to read.</summary>
    private const int Max = 120, Min = 32;

    /// <summary>The screen's columns; those of a plain page where there is none.</summary>
    public static int Of(Terminal? terminal)
    {
        if (terminal is not { OutIsScreen: true }) return HelpWriter.PlainWidth;
        try
        {
            return Console.WindowWidth is > 0 and var columns ? Math.Clamp(columns - 1, Min, Max) : HelpWriter.PlainWidth;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return HelpWriter.PlainWidth;
        }
    }
}
