using System.Text.RegularExpressions;
using Lapidary.Cli.Output;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

/// <summary>Command lines of docs/scale.md and of the files beside it are those that the tool takes.</summary>
public partial class ScaleDocsTests
{
    private static readonly string Samples = Path.Combine(Fixtures.Repository, "samples", "scale");

    private static readonly string Document = Path.Combine(Fixtures.Repository, "docs", "scale.md");

    public static TheoryData<string> Files => new([Document, .. Directory.GetFiles(Samples).Order()]);

    [Theory]
    [MemberData(nameof(Files))]
    public void CommandLines_AreParsed(string file)
    {
        string text = File.ReadAllText(file);
        string[][] lines = file.EndsWith(".yaml", StringComparison.Ordinal) ? [.. ArgumentLists(text)] : [.. ShellLines(text)];
        Assert.NotEmpty(lines);
        var root = LapidaryTool.Root(new Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null));
        Assert.All(lines, line =>
        {
            var errors = root.Parse(line, LapidaryTool.ParserRules).Errors;
            Assert.True(errors.Count == 0, $"{file}: {string.Join(' ', line)}: {string.Join(' ', errors.Select(error => error.Message))}");
        });
    }

    [Fact]
    public void Document_NamesEverySample()
    {
        string text = File.ReadAllText(Document);
        Assert.All(
            Directory.GetFiles(Samples),
            file => Assert.Contains($"samples/scale/{Path.GetFileName(file)})", text, StringComparison.Ordinal));
    }

    /// <summary>Calls of lapidary with what stands behind a backslash at the end of their lines.</summary>
    private static IEnumerable<string[]> ShellLines(string text) =>
        Call().Matches(Continuation().Replace(text, " "))
            .Select(call => call.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(words => words.Select(word => word.Trim('"')).ToArray());

    /// <summary>What follows "args:" as a list.</summary>
    private static IEnumerable<string[]> ArgumentLists(string text) =>
        Arguments().Matches(text).Select(match => Item().Matches(match.Value).Select(item => item.Groups[1].Value).ToArray());

    /// <summary>A backslash, and the start of the next line, which may be a comment's.</summary>
    [GeneratedRegex(@"\\\n[\s#]*")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"\blapidary ((?:train|plan|bench|doctor)\b[^`|\n]*)")]
    private static partial Regex Call();

    [GeneratedRegex(@"args:\n(?:\s+- .+\n)+")]
    private static partial Regex Arguments();

    [GeneratedRegex(@"- (.+)\n")]
    private static partial Regex Item();
}
