using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Cli.Output;

/// <summary>Makes text from files and models safe to print.</summary>
internal static class PlainText
{
    /// <summary>The text on one line, as <see cref="Printable"/> has it.</summary>
    public static string OneLine(string text) => Printable.Line(text);

    /// <summary>"0:00:07", "26:03:10".</summary>
    public static string Duration(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}");
}
