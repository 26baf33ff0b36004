namespace Lapidary.Cli.Tests.Screens;

/// <summary>What a person sees of a chat, on a real terminal.</summary>
public sealed class ChatScreenTests
{
    private const string Left = "\e[D", Home = "\e[H", Up = "\e[A", CtrlC = "\u0003", CtrlD = "\u0004", Backspace = "\u007f";

    private static readonly string[] Args =
        ["chat", "--model", TinyModel.WithTokenizer, "--threads", "1", "--device", "cpu", "--max-new-tokens", "1"];

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    public void WhatIsTyped_CanBeEdited_AndHintsAreWholeWords(int columns)
    {
        PtyRun.RequireScript();
        var run = PtyRun.Typing(
            columns, ["NO_COLOR=1"],
            [
                ("> ", $"/hlp{Left}{Left}e\r"), ("ends the", ""), ("> ", $"{Up}x{Backspace}{Home}\e[200~/system one\ntwo\e[201~ \u000b\r"),
                ("holds", ""), ("> ", "/system\r"), ("two", ""), ("> ", CtrlD),
            ],
            exitCode: 0, Args);
        var rows = run.Screen().Rows;
        Assert.Contains("> /help", rows);
        Assert.Contains("> /system one", rows);
        Assert.Contains("  two", rows);
        Assert.Contains("one", rows);
        Assert.All(rows, row => Assert.True(row.Length < columns, row));
        string all = string.Join(' ', rows.Select(row => row.Trim()));
        Assert.Contains("/exit           ends the chat, as Ctrl-D does", all, StringComparison.Ordinal);
        Assert.Contains("begins a new conversation; the system message stays", all, StringComparison.Ordinal);
        Assert.Empty(run.Styles);
    }

    [Theory]
    [InlineData("TERM=xterm")]
    [InlineData("TERM=dumb")]
    public void CtrlC_IsSaidOnALineOfItsOwn(string variable)
    {
        PtyRun.RequireScript();
        Assert.SkipWhen(Tool.InheritsIgnoredInterrupts, "this process ignores SIGINT, and so do those that it starts");
        var run = PtyRun.Typing(
            80, [variable, "NO_COLOR=1"], [("> ", $"abc{CtrlC}"), ("ends the chat.", ""), ("> ", CtrlC)], exitCode: 130, Args);
        string[] rows = [.. run.Screen().Rows.Where(row => row.Length > 0).TakeLast(3)];
        Assert.Equal("Ctrl-C again, Ctrl-D or /exit ends the chat.", rows[0]);
        Assert.StartsWith(">", rows[1], StringComparison.Ordinal);
        Assert.Equal("lapidary: interrupted.", rows[2]);
        if (variable == "TERM=dumb") Assert.DoesNotContain('\e', run.Raw);
    }
}
