using System.Diagnostics;

namespace Lapidary.Cli.Tests;

/// <summary>Ctrl-C and SIGTERM end whatever looks for no signals at once, and leave no temporary file.</summary>
public sealed class SignalTests : IDisposable
{
    private const string SlowTemplate =
        "{% for i in range(15000) %}{% set x = i * 3 %}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}";

    /// <summary>A tool that has computed this long has left its start behind, however busy the machine is.</summary>
    private static readonly TimeSpan Underway = TimeSpan.FromSeconds(1.5);

    private readonly TemporaryFolder _folder = new();

    public SignalTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public void Tokenize_EndsInTheMiddleOfItsRows(string signal, int exitCode)
    {
        SkipWhereIgnored(signal);
        using var tool = Tool.Start(["tokenize", "--model", SlowModel(), "--file", ManyRows()]);
        tool.WaitFor(() => tool.ProcessorTime > Underway);
        AssertEnds(tool, signal, exitCode);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void Train_EndsWhileItPreparesData(string signal, int exitCode)
    {
        SkipWhereIgnored(signal);
        using var tool = Tool.Start(
            ["train", "--model", SlowModel(), "--dataset", ManyRows(), "--output-dir", _folder["out"], "--device", "cpu",
                "--threads", "1"]);
        tool.WaitFor(() => tool.ProcessorTime > Underway);
        AssertEnds(tool, signal, exitCode);
        Assert.False(Directory.Exists(_folder["out"]) && Directory.EnumerateDirectories(_folder["out"]).Any());
    }

    /// <summary>Also while SQLite is within a step that takes seconds.</summary>
    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void Eval_EndsInTheMiddleOfASlowStatement(string signal, int exitCode)
    {
        SkipWhereIgnored(signal);
        const string Slow = "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) "
            + "SELECT sum(hex(zeroblob(490000 + i)) GLOB '*PATTERN1*') FROM c";
        string sql = Slow.Replace("PATTERN", new string('0', 480), StringComparison.Ordinal);
        string rows = TinyModel.WriteLines(
            _folder.Path, "rows.jsonl", ["""{"sql_prompt": "", "sql_context": "CREATE TABLE t (a INT)", "sql": "SELECT 1"}"""]);
        string answers = TinyModel.WriteLines(_folder.Path, "answers.txt", [sql]);
        using var tool = Tool.Start(
            ["eval", "--predictions", answers, "--dataset", rows, "--failures", _folder["failures.jsonl"]]);
        tool.WaitFor(() => tool.ProcessorTime > 2 * Underway);
        AssertEnds(tool, signal, exitCode);
        Assert.Equal(["answers.txt", "rows.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void TemporaryFiles_AreDeleted()
    {
        // Some of these moments lie in the writing.
        for (int i = 0; i < 5; i++)
        {
            using var tool = Tool.Start(["quantize", "--model", TinyModel.Folder, "--output", _folder[$"out{i}"], "--threads", "1"]);
            Thread.Sleep(200 + 40 * i);
            tool.Send("TERM");
            Assert.Contains(tool.End().ExitCode, (int[])[0, 143]);
            Assert.False(Directory.Exists(_folder[$"out{i}"])
                && Directory.EnumerateFileSystemEntries(_folder[$"out{i}"], "*.tmp-*").Any());
            Assert.False(Directory.Exists(Path.Combine(_folder[$"out{i}"], ".lapidary.new")));
        }
    }

    private static void SkipWhereIgnored(string signal) => Assert.SkipWhen(
        signal == "INT" && Tool.InheritsIgnoredInterrupts, "SIGINT is ignored here, as in a shell's background job.");

    private static void AssertEnds(Tool tool, string signal, int exitCode)
    {
        var watch = Stopwatch.StartNew();
        tool.Send(signal);
        var run = tool.End();
        Assert.True(run.ExitCode == exitCode, $"exit code {run.ExitCode}: {run.Error}");
        Assert.Equal("lapidary: interrupted.\n", run.Error);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed}");
    }

    private string ManyRows() => TinyModel.WriteLines(_folder.Path, "chat.jsonl", Enumerable.Repeat(
        """{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes"}]}""", 20_000));

    private string SlowModel()
    {
        string folder = Directory.CreateDirectory(_folder["slow"]).FullName;
        foreach (string file in Directory.EnumerateFiles(TinyModel.WithTokenizer))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), SlowTemplate);
        return folder;
    }
}
