using System.Text.Json;
using Lapidary.Cli.Tests.Evaluation;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>score and generate give what one process gives, in the order of the rows.</summary>
[Collection(nameof(RankedRuns))]
public sealed class SharedRowsTests : IDisposable
{
    /// <summary>So many that their answers take longer than a signal to arrive.</summary>
    private const int ManyRows = 2000;

    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData(RankedTool.OpenMpi, 2)]
    [InlineData(RankedTool.Mpich, 3)]
    public async Task Score_PrintsTheBytesOfOneProcess(string launcher, int ranks)
    {
        string[] args = ["score", "--device", "cpu", "--model", TinyModel.Folder, "--dataset", _tool.Rows, "--threads", "1", "--json"];
        string expected = CliRun.Of(args).Ok().Out;
        var end = await RankedTool.Ok(launcher, ranks, args);
        Assert.Equal(expected.TrimEnd('\n'), Output(end));
    }

    [Theory]
    [InlineData(RankedTool.OpenMpi, 3)]
    [InlineData(RankedTool.Mpich, 2)]
    public async Task Answers_AreTheBytesOfOneProcess_WithARowThatIsNoQuestion(string launcher, int ranks)
    {
        var rows = File.ReadLines(_tool.Rows).ToList();
        rows[4] = """{"other": 1}""";
        string dataset = TinyModel.WriteLines(_tool["."], "questions.jsonl", rows);
        var one = CliRun.Of(Generate(dataset, "one.jsonl", "--do-sample"));
        Assert.Equal(1, one.ExitCode);

        var end = await RankedTool.Run(launcher, ranks, Generate(dataset, "several.jsonl", "--do-sample"));
        Assert.NotEqual(0, end.ExitCode);
        Assert.Equal(File.ReadAllText(_tool["one.jsonl"]), File.ReadAllText(_tool["several.jsonl"]));

        // mpirun ends the others as soon as one process has ended with an error.
        string error = Assert.Single(RankedTool.Errors(end), line => !line.EndsWith("interrupted.", StringComparison.Ordinal));
        Assert.EndsWith(one.Error["lapidary: ".Length..].TrimEnd('\n'), error, StringComparison.Ordinal);
        Assert.Contains("questions.jsonl line 5", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_WithoutAFile_AreStandardOutput()
    {
        string[] args = [.. Generate(_tool.Rows, "none").SkipLast(2)];
        string expected = CliRun.Of(args).Ok().Out;
        Assert.Equal(expected.TrimEnd('\n'), Output(await RankedTool.Ok(MpiRun.OpenMpi, 2, args)));
    }

    [Fact]
    public async Task APipe_IsRefused_BecauseEachProcessWouldReadIt()
    {
        var end = await RankedTool.Run(MpiRun.OpenMpi, 2, Generate("-", "none.jsonl"));
        Assert.NotEqual(0, end.ExitCode);
        Assert.Contains("each of the launcher's processes would read the pipe", RankedTool.Errors(end)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_InterruptedAndResumed_AreThoseOfOneProcess()
    {
        Assert.SkipWhen(Tool.InheritsIgnoredInterrupts, "SIGINT is ignored here, as in a shell's background job.");
        var cancel = TestContext.Current.CancellationToken;
        string rows = TinyModel.WriteRows(
            _tool["."], Enumerable.Range(0, ManyRows).Select(row => new[] { 2, 10 + row % 90, 7 }), "many.jsonl");
        string[] Args(string output, params string[] more) => Generate(rows, output, ["--ignore-eos", "--batch-size", "1", .. more]);
        CliRun.Of(Args("one.jsonl")).Ok();

        using (var run = RankedTool.Start(MpiRun.OpenMpi, 2, Args("several.jsonl")))
        {
            await run.Until(() => File.Exists(_tool["several.jsonl.partial"]) && new FileInfo(_tool["several.jsonl.partial"]).Length > 0,
                RankedTool.Limit, cancel);
            MpiRun.Send("INT", run.ProcessOf(1)!.Value);
            var end = await run.End(RankedTool.Limit, cancel);
            Assert.NotEqual(0, end.ExitCode);
            Assert.Contains($"of {ManyRows} rows; go on with --resume.", Assert.Single(RankedTool.Errors(end)), StringComparison.Ordinal);
        }

        Assert.False(File.Exists(_tool["several.jsonl"]));
        await RankedTool.Ok(MpiRun.OpenMpi, 2, Args("several.jsonl", "--resume"));
        Assert.Equal(File.ReadAllText(_tool["one.jsonl"]), File.ReadAllText(_tool["several.jsonl"]));
    }

    [Fact]
    public async Task Eval_IsThatOfOneProcess()
    {
        string rows = SqlModel.Write(_tool["."], "sql.jsonl", SqlModel.Rows);
        string[] Args(string output) =>
        [
            "eval", "--device", "cpu", "--model", SqlModel.Folder, "--dataset", rows, "--max-new-tokens", "6", "--threads", "1", "--output",
            _tool[output], "--json",
        ];
        var one = CliRun.Of(Args("one.jsonl")).Ok().Json;
        var several = JsonDocument.Parse(Output(await RankedTool.Ok(MpiRun.OpenMpi, 2, Args("several.jsonl")))).RootElement;
        Assert.Equal(File.ReadAllText(_tool["one.jsonl"]), File.ReadAllText(_tool["several.jsonl"]));
        Assert.Equal(one.EnumerateObject().Select(member => member.Name), several.EnumerateObject().Select(member => member.Name));
        foreach (var member in one.EnumerateObject().Where(member => member.Name != "seconds"))
            Assert.Equal(member.Value.GetRawText(), several.GetProperty(member.Name).GetRawText());
    }

    private string[] Generate(string rows, string output, params string[] more) =>
    [
        "generate", "--device", "cpu", "--model", TinyModel.Folder, "--dataset", rows, "--max-new-tokens", "8", "--threads", "1", .. more,
        "--output", _tool[output],
    ];

    private static string Output(MpiEnd end) => string.Join('\n', end.Lines.Where(line => !line.IsError).Select(line => line.Text));
}
