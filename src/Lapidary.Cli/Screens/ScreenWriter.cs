using System.Text;

namespace Lapidary.Cli.Screens;

/// <summary>A stream that shows on a screen: its lines are laid out in the screen's columns, and step around its status line.</summary>
/// <param name="inner">Where the text goes.</param>
/// <param name="screen">The screen that shows it.</param>
internal sealed class ScreenWriter(TextWriter inner, Screen screen) : TextWriter
{
    /// <summary>Where the text goes.</summary>
    public TextWriter Inner => inner;

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => screen.Write(inner, value.ToString());

    public override void Write(string? value) => screen.Write(inner, value ?? "");

    public override void Write(char[] buffer, int index, int count) => screen.Write(inner, new string(buffer, index, count));

    public override void WriteLine() => screen.Write(inner, "\n");

    public override void WriteLine(string? value) => screen.WriteLine(inner, value ?? "");

    public override void Flush() => inner.Flush();
}
