using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;

namespace Lapidary.Cli.Tests.Screens;

/// <summary>Rows, the status line, and how they share a screen.</summary>
public sealed class ScreenTests
{
    [Theory]
    [InlineData("note       one two three four five", 80, "note       one two three four five")]
    [InlineData("note       one two three four five six seven eight nine ten eleven twelve", 60,
        "note       one two three four five six seven eight nine ten|           eleven twelve")]
    [InlineData("note       one two three four five six seven", 30, "note       one two three four|   five six seven")]
    [InlineData("           one two three four five six seven", 30, "   one two three four five six|   seven")]
    [InlineData("plain words that go on and on", 16, "plain words that|   go on and on")]
    [InlineData("next       lapidary generate --model a --adapter b", 30, "next       lapidary generate --model a --adapter b")]
    [InlineData("stopped; go on with: lapidary train --config out/run.yaml --resume", 30,
        "stopped; go on with:|   lapidary train --config out/run.yaml --resume")]
    [InlineData("model      /a/very/long/path/that/is/one/word/alone: 2 layers", 30,
        "model|   /a/very/long/path/that/is/one/word/alone:|   2 layers")]
    [InlineData("              1.2 GiB  gradients", 40, "   1.2 GiB  gradients")]
    [InlineData("              1.2 GiB  gradients", 80, "              1.2 GiB  gradients")]
    [InlineData("", 30, "")]
    public void Lines_AreLaidOutInWholeWords(string line, int width, string expected) =>
        Assert.Equal(expected.Split('|'), LineLayout.Rows(line, width));

    [Fact]
    public void AStatusLine_NeverLeavesItsRow()
    {
        for (int width = 1; width < 120; width++)
        {
            string text = StatusLine.Text(0.42, ["step 5/12", "left 0:00:10", "loss 2.345", "日本語の名前"], width, hasColour: false);
            Assert.True(LineLayout.Width(text) <= Math.Max(width, 16), $"{width}: {text}");
        }

        Assert.Equal("━━━━──────  42 %  step 5/12", StatusLine.Text(0.42, ["step 5/12", "left 0:00:10"], 30, false));
        Assert.Contains("100 %", StatusLine.Text(7, [], 80, false), StringComparison.Ordinal);
        Assert.Contains("  0 %", StatusLine.Text(double.NaN, [], 80, false), StringComparison.Ordinal);
        Assert.Equal("reading rows  8192 rows", StatusLine.Text(null, ["reading rows", "8192 rows", ""], 80, false));
    }

    [Fact]
    public void LinesOfBothStreams_StepAroundTheStatusLine()
    {
        var terminal = new StringWriter { NewLine = "\r\n" };
        var screen = new Screen(() => 40, hasCodes: true, hasColour: true);
        using var output = new ScreenWriter(terminal, screen);
        using var error = new ScreenWriter(terminal, screen);
        screen.Show(output, 0.5, "half of the work is done by now");
        output.WriteLine("short");
        error.WriteLine("note       a line that is longer than the screen is wide");
        output.Write("part");
        output.WriteLine(" and end");
        screen.Clear();
        output.WriteLine("done");
        var model = new TerminalModel(40);
        model.Write(terminal.ToString());
        Assert.Equal(
            ["short", "note       a line that is longer than", "   the screen is wide", "part and end", "done", ""], model.Rows);
    }

    [Fact]
    public void Work_IsSilentWhereItIsShort_AndNoScreen()
    {
        var output = new StringWriter();
        using (var work = new WorkScreen(new Terminal(TextReader.Null, output, TextWriter.Null), json: false))
            for (int i = 0; i < 100; i++) work.Report(new("loading weights", i, 100, "layers"));
        Assert.Equal("", output.ToString());
    }
}
