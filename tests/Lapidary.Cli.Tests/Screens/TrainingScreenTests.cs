using System.Text.RegularExpressions;

namespace Lapidary.Cli.Tests.Screens;

/// <summary>What a person sees of a training run, on a real terminal.</summary>
public sealed partial class TrainingScreenTests : IDisposable
{
    private static readonly string[] ThemeSafe = ["0", "1", "2", "32", "1;31", "1;32", "1;35"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(160)]
    public void ARun_HasOneBar_WholeWords_AndCommandsThatCanBeCopied(int columns)
    {
        PtyRun.RequireScript();
        var piped = CliRun.Of(Args("out")).Ok();
        Directory.Delete(_folder["out"], recursive: true);
        var run = PtyRun.Of(columns, [], Args("out"));
        run.AssertNoScrapsOfTheBar();
        Assert.Contains("step 0/8", run.Raw, StringComparison.Ordinal); // the bar's
        var screen = run.Screen();

        string all = string.Join('\n', screen.Rows);
        string[] words =
        [
            .. piped.Out.Split('\n').Where(line => !IsShort().IsMatch(line)).SelectMany(line => line.Split(' '))
                .Where(part => part.Length < columns - 4) // what is longer than a row is broken by the terminal
                .SelectMany(part => Word().Matches(part)).Select(word => word.Value),
        ];
        Assert.NotEmpty(words);
        Assert.All(words, word => Assert.Matches($@"\b{word}\b", all));
        Assert.Contains(screen.Rows, row => row.StartsWith("done       8 steps", StringComparison.Ordinal));

        // Lines of commands are those of a pipe, whatever the terminal makes of them.
        string[] commands = [.. piped.Out.Split('\n').Where(line => line.Contains("lapidary ", StringComparison.Ordinal))];
        Assert.Equal(2, commands.Length);
        Assert.All(commands, command => Assert.Contains(command, screen.Lines));
        Assert.Single(screen.Lines, line => line.StartsWith("memory ", StringComparison.Ordinal));
    }

    [Fact]
    public void Colours_AreThoseOfTheTheme_WithoutABackground()
    {
        PtyRun.RequireScript();
        var run = PtyRun.Of(80, [], Args("out"));
        Assert.NotEmpty(run.Styles);
        Assert.All(run.Styles, style => Assert.Contains(style, ThemeSafe));
    }

    [Fact]
    public void NoColor_HasNoColours_AndADumbTerminalNoCodes()
    {
        PtyRun.RequireScript();
        var plain = PtyRun.Of(80, ["NO_COLOR=1"], Args("plain"));
        Assert.Empty(plain.Styles);
        Assert.Contains('━', plain.Raw);
        plain.AssertNoScrapsOfTheBar();

        var dumb = PtyRun.Of(80, ["TERM=dumb"], Args("dumb"));
        Assert.DoesNotContain('\e', dumb.Raw);
        Assert.DoesNotContain('━', dumb.Raw);
        Assert.Contains(dumb.Screen().Rows, row => row.StartsWith("done       8 steps", StringComparison.Ordinal));
        var others = dumb.Screen().Rows.Where(row => !row.Contains("lapidary", StringComparison.Ordinal));
        Assert.All(others, row => Assert.True(row.Length < 80, row));
    }

    [Fact]
    public void Json_IsAloneInItsLine_WhereAllShowsOnOneScreen()
    {
        PtyRun.RequireScript();
        var run = PtyRun.Of(80, [], [.. Args("out"), "--json"]);
        run.AssertNoScrapsOfTheBar();
        Assert.Single(run.Screen().Lines, line => line.StartsWith("{\"output_dir\"", StringComparison.Ordinal) && line.EndsWith('}'));
    }

    [Theory]
    [InlineData("NO_COLOR=1")]
    [InlineData("TERM=dumb")]
    [InlineData("A=1")]
    public void APreview_TellsTrainedTokensByColourOrBrackets(string variable)
    {
        PtyRun.RequireScript();
        const string Row = """{"messages": [{"role": "user", "content": "SELECT"}, {"role": "assistant", "content": "stones"}]}""";
        string rows = TinyModel.WriteLines(_folder.Path, "chat.jsonl", [Row, Row]);
        var run = PtyRun.Of(
            80, [variable], "train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--assistant-only-loss", "--preview",
            "--output-dir", _folder["out"]);
        string text = string.Concat(run.Screen().Rows);
        Assert.Contains("(document 2 of 2 of a packed row)", text, StringComparison.Ordinal);
        Assert.Contains("duplicates 1 row repeats", text, StringComparison.Ordinal);
        if (variable == "A=1") Assert.Contains("\e[1;32m<end_of_turn>\e[0m", run.Raw, StringComparison.Ordinal);
        else Assert.Matches(@"model↵\[st.*ones<end_of_turn>", text);
        Assert.Equal(variable == "A=1", text.Contains("green and bold", StringComparison.Ordinal));
    }

    private string[] Args(string output) =>
    [
        "train", "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(12)), "--output-dir",
        _folder[output], "--max-steps", "8", "--logging-steps", "2", "--threads", "1", "--device", "cpu", "--max-length", "16",
        "--test-size", "2",
    ];

    /// <summary>Lines that say less on a screen.</summary>
    [GeneratedRegex("^(memory|step) |lapidary ")]
    private static partial Regex IsShort();

    [GeneratedRegex(@"\b[A-Za-z]{4,}\b")]
    private static partial Regex Word();
}
