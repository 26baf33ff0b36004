using System.Text;

namespace Lapidary.Cli.Screens;

/// <summary>A stream on a screen: its lines are wrapped to the screen's columns and written above the status line.</summary>
/// <param name="inner">The target.</param>
/// <param name="screen">The screen that shows it.</param>
internal sealed class ScreenWriter(TextWriter inner, Screen screen) : TextWriter
{
    /// <summary>The target.</summary>
    public TextWriter Inner => inner;

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => screen.Write(inner, value.ToString());

    public override void Write(string? value) => screen.Write(inner, value ?? "");

    public override void Write(char[] buffer, int index, int count) => screen.Write(inner, new string(buffer, index, count));

    public override void WriteLine() => screen.Write(inner, "\n");

    public override void WriteLine(string? value) => screen.WriteLine(inner, value ?? "");

    public override void Flush() => inner.Flush();
}
