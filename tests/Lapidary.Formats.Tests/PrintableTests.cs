using Lapidary.Formats.Files;

namespace Lapidary.Formats.Tests;

/// <summary>No value in a message moves the cursor, turns the text or fills the screen.</summary>
public sealed class PrintableTests
{
    [Theory]
    [InlineData("plain Grüße 日本 \ud83d\ude00 x", "plain Grüße 日本 \ud83d\ude00 x")]
    [InlineData("a\nb\r\nc", "a b c")]
    [InlineData("\u001b[2J\r\t\0\u0085", @"\u001b[2J\u000d\u0009\u0000\u0085")]
    [InlineData("\u202eabc\u2066\u200e\u200f\u061c", @"\u202eabc\u2066\u200e\u200f\u061c")]
    [InlineData("\u2028\u2029", @"\u2028\u2029")]
    [InlineData("a\U000e0041b", @"a\udb40\udc41b")] // a letter of the tags, which nobody sees
    public void Line_EscapesWhatIsNotSeen(string text, string line)
    {
        Assert.Equal(line, Printable.Line(text));
        Assert.Equal(line, new LapidaryException(text).Message);
        Assert.Equal(line + ".", new LapidaryException($"{text}.").Message);
    }

    [Fact]
    public void HalfACharacter_IsEscaped()
    {
        // An attribute cannot hold them.
        Line_EscapesWhatIsNotSeen("\ud83d", @"\ud83d");
        Line_EscapesWhatIsNotSeen("x\ude00\ud83dy", @"x\ude00\ud83dy");
    }

    [Fact]
    public void LongValues_KeepBeginningAndEnd()
    {
        string path = "/start/" + new string('x', 10_000_000) + "/end";
        string value = new LapidaryException($"{path}: expected a file, found none.").Message;
        Assert.InRange(value.Length, 900, 1100);
        Assert.StartsWith("/start/x", value, StringComparison.Ordinal);
        Assert.EndsWith("/end: expected a file, found none.", value, StringComparison.Ordinal);
        string whole = new LapidaryException("a" + path).Message;
        Assert.InRange(whole.Length, 1000, Printable.MaxMessageLength);
        Assert.EndsWith("/end", whole, StringComparison.Ordinal);
        Assert.InRange(FileErrors.OneLine(path).Length, 100, 130);
    }

    [Fact]
    public void Lines_KeepsLinesAndTabs_AndCutsNoTextThatFits()
    {
        string text = new('x', 100);
        Assert.Equal(text, Printable.Lines(text, 100));
        Assert.Equal(100, Printable.Lines(text + "y", 100).Length);
        Assert.Equal("a\n\tb c", Printable.Lines("a\n\tb c", 100));
        Assert.Equal("a\nb", Printable.Lines("a\r\nb", 100));
    }
}
