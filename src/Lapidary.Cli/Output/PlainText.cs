using System.Globalization;
using System.Text;

namespace Lapidary.Cli.Output;

/// <summary>Makes text from files and models safe to print.</summary>
internal static class PlainText
{
    /// <summary>The text on one line, control characters as \u escapes, so that a file's name cannot move the cursor.</summary>
    public static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c == '\n') line.Append(' ');
            else if (char.IsControl(c) || c is '\u2028' or '\u2029') line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else line.Append(c);
        }

        return line.ToString();
    }

    /// <summary>"0:00:07", "26:03:10".</summary>
    public static string Duration(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}");
}
