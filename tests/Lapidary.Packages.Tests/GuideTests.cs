using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Packages.Tests;

/// <summary>The walk through the sample, in two languages: what it shows is the sample's, and its table names what is there.</summary>
public partial class GuideTests
{
    /// <summary>The sample.</summary>
    internal const string Sample = "samples/text-to-sql.cs";

    private const string English = "docs/guide.md", Portuguese = "docs/guia.pt-BR.md";

    /// <summary>The walk, by language.</summary>
    internal static readonly string[] Languages = [English, Portuguese];

    public static TheoryData<string> Pages => new(Languages);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Excerpts_AreTheWholeSample(string page)
    {
        string sample = ReadMe.Text(Sample);
        string[] excerpts = [.. ReadMe.Snippets(page).Where(IsExcerpt)];

        Assert.All(excerpts, excerpt => Assert.Contains(excerpt, sample, StringComparison.Ordinal));
        var shown = excerpts.SelectMany(excerpt => excerpt.Split('\n')).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(sample.Split('\n').Where(line => !IsAside(line)).Except(shown));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void OtherLines_Compile(string page) =>
        Assert.All(ReadMe.Snippets(page).Where(lines => !IsExcerpt(lines)), SnippetTests.CompileInContext);

    [Fact]
    public void BothLanguages_ShowTheSameCode()
    {
        Assert.Equal(ReadMe.Snippets(English), ReadMe.Snippets(Portuguese));
        Assert.Equal(Rows(English).Select(Code), Rows(Portuguese).Select(Code));

        static string Code(string[] row) => string.Join(" | ", row.Take(2).SelectMany(Spans));
    }

    /// <summary>The columns of the table are the guide's line, the C# and the command line.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void TheTable_NamesCodeThatIsShown_AndOptionsThatExist(string page)
    {
        var publicNames = Directory.GetFiles(Path.Combine(Fixtures.Repository, "src"), "PublicAPI.Shipped.txt", SearchOption.AllDirectories)
            .Select(File.ReadAllText);
        string code = OneLine(string.Concat([ReadMe.Text(Sample), .. ReadMe.Snippets(page), .. publicNames]));
        string commandLine = ReadMe.Text("docs/cli.md");
        var rows = Rows(page);
        Assert.True(rows.Count > 60);
        Assert.All(rows, row =>
        {
            Assert.Equal(3, row.Length);
            Assert.All(Spans(row[1]), span => Assert.Contains(OneLine(span), code, StringComparison.Ordinal));
            Assert.All(Option().Matches(row[2]), option => Assert.Matches($@"(?<![\w-]){option.Value}(?![\w-])", commandLine));
        });
    }

    private static bool IsExcerpt(string lines) =>
        ReadMe.Text(Sample).Split('\n').Contains(lines.Split('\n')[0], StringComparer.Ordinal);

    /// <summary>A comment, or a line for the SDK.</summary>
    private static bool IsAside(string line) =>
        line.StartsWith("//", StringComparison.Ordinal) || line.StartsWith("#:", StringComparison.Ordinal);

    /// <summary>Cells of the rows of the tables with a column "C#".</summary>
    private static List<string[]> Rows(string page)
    {
        List<string[]> rows = [];
        bool isIn = false;
        foreach (string line in ReadMe.Text(page).Split('\n'))
        {
            string[] cells = [.. line.Trim('|').Split(" | ").Select(cell => cell.Trim())];
            isIn = line.StartsWith('|') && (isIn || cells.Contains("C#", StringComparer.Ordinal));
            bool isHead = cells.Contains("C#", StringComparer.Ordinal) || cells[0].StartsWith("---", StringComparison.Ordinal);
            if (isIn && !isHead) rows.Add(cells);
        }

        return rows;
    }

    private static IEnumerable<string> Spans(string cell) => Span().Matches(cell).Select(match => match.Groups[1].Value);

    private static string OneLine(string code) => Blanks().Replace(code, " ").Trim();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z0-9-]+")]
    private static partial Regex Option();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
