using Lapidary.Cli.Tests.Evaluation;
using Lapidary.Cli.Tests.Screens;

namespace Lapidary.Cli.Tests.Asking;

/// <summary>What a person sees of questions, on a real terminal.</summary>
public sealed class AskScreenTests : IDisposable
{
    private const string CtrlC = "\u0003", CtrlD = "\u0004";

    private readonly TemporaryFolder _folder = new();
    private readonly string _pets;

    public AskScreenTests() => _pets = TinyModel.WriteLines(_folder.Path, "pets.csv", ["name,kind", "Rex,dog", "Tom,cat"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ALoop_ShowsTheSchemaTheSqlAndATable()
    {
        PtyRun.RequireScript();
        var run = PtyRun.Typing(
            80, ["NO_COLOR=1"], [("ask> ", "How many pets are there?\r"), ("rows  ", ""), ("ask> ", CtrlD)], exitCode: 0,
            ["ask", _pets, .. TaughtModel.Options]);
        var rows = run.Screen().Rows;
        Assert.Contains("CREATE TABLE pets (name TEXT, kind TEXT);", rows);
        Assert.Contains($"sql        {TaughtModel.Sql}", rows);
        Assert.Contains("│ COUNT(*) │", rows);
        Assert.Contains("│        2 │", rows);
        Assert.Contains(rows, row => row.StartsWith("rows       1 in ", StringComparison.Ordinal));
    }

    /// <summary>Ctrl-C stops a query that never ends, and the next one is answered.</summary>
    [Fact]
    public void CtrlC_StopsAQuery_AndNotTheLoop()
    {
        PtyRun.RequireScript();
        Assert.SkipWhen(Tool.InheritsIgnoredInterrupts, "this process ignores SIGINT, and so do those that it starts");
        const string Endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
        var run = PtyRun.Typing(
            80, ["NO_COLOR=1"],
            [
                ("ask> ", $":sql {Endless}\r"), ("Ctrl-C stops it", CtrlC), ("(stopped)", ""), ("ask> ", ":sql SELECT 41 + 1 AS n\r"),
                ("rows  ", ""), ("ask> ", ":quit\r"),
            ],
            exitCode: 0, "ask", _pets, "--model", SqlModel.Folder, "--threads", "1", "--device", "cpu", "--timeout", "3600");
        Assert.Contains("│ 42 │", run.Screen().Rows);
    }
}
