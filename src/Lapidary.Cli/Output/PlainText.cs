using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Cli.Output;

/// <summary>Makes text from files and models safe to print.</summary>
internal static partial class PlainText
{
    /// <summary>The text on one line, cleaned by <see cref="Printable"/>.</summary>
    public static string OneLine(string text) => Printable.Line(text);

    /// <summary>The text without anything that may be a Hub token, because a token typed in the wrong place must not get into a
    /// log.</summary>
    public static string WithoutTokens(string text) => Token().Replace(text, "hf_…");

    /// <summary>The text of a model, which may contain anything: keeps only the control characters of ordinary text.</summary>
    public static string WithoutControls(string text) => string.Concat(text.Where(c => !char.IsControl(c) || c is '\n' or '\t'));

    /// <summary>"0:00:07", "26:03:10".</summary>
    public static string Duration(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}");

    [GeneratedRegex("hf_[A-Za-z0-9_]+")]
    private static partial Regex Token();
}
