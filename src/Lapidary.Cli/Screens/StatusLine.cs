using System.Text;

namespace Lapidary.Cli.Screens;

/// <summary>The progress of work in one row: a bar, the finished share, and as many texts as fit.</summary>
internal static class StatusLine
{
    private const int LongBar = 20, ShortBar = 10, WideScreen = 60;

    private const string Gap = "  ";

    /// <summary>The row; never longer than the width.</summary>
    /// <param name="share">The finished share, 0 to 1; null if unknown.</param>
    /// <param name="parts">The texts, the most important first.</param>
    /// <param name="width">Columns.</param>
    /// <param name="hasColour">Whether the bar may be coloured.</param>
    public static string Text(double? share, IReadOnlyList<string> parts, int width, bool hasColour)
    {
        var text = new StringBuilder();
        int used = 0;
        if (share is { } done)
        {
            done = double.IsFinite(done) ? Math.Clamp(done, 0, 1) : 0;
            int bar = width >= WideScreen ? LongBar : ShortBar, full = (int)(done * bar);
            string filled = new('━', full), empty = new('─', bar - full), percent = $"{(int)(done * 100),3} %";
            text.Append(hasColour ? Theme.Bar(filled, empty) : filled + empty).Append(' ').Append(percent);
            used = bar + 1 + percent.Length;
        }

        foreach (string part in parts)
        {
            if (part.Length == 0) continue;
            int gap = used == 0 ? 0 : Gap.Length;
            if (used > 0 && used + gap + LineLayout.Width(part) > width) break;
            string shown = LineLayout.Cut(part, width - used - gap);
            text.Append(' ', gap).Append(shown);
            used += gap + LineLayout.Width(shown);
        }

        return text.ToString();
    }
}
