namespace Lapidary.Cli.Tests;

/// <summary>Streams that are closed, full or have lost their reader: a run goes on and is saved, a command whose result is its output
/// fails in one line, and nothing crashes.</summary>
public sealed class StreamTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public StreamTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "the shell's ways to close a stream are Unix's");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(">&-", "standard output cannot be written (it is closed)")]
    [InlineData("2>&-", "")]
    [InlineData(">&- 2>&-", "")]
    [InlineData("<&- >&- 2>&-", "")]
    [InlineData(">/dev/full", "standard output cannot be written")]
    [InlineData(">/dev/full 2>/dev/full", "")]
    [InlineData("| head -n 1 >/dev/null", "standard output cannot be written")]
    [InlineData("--json >&-", "standard output cannot be written")]
    [InlineData("--json 2>&-", "")]
    public void Training_GoesOnAndIsSaved_AndTheOtherStreamIsToldOnce(string redirection, string warning)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "the system has no /dev/full");
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4));
        using var tool = Tool.StartInShell(
            redirection, "train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", _folder["out"], "--max-steps", "3",
            "--logging-steps", "1", "--threads", "1", "--device", "cpu", "--max-length", "16");
        var run = tool.End();
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.True(File.Exists(Path.Combine(_folder["out"], "adapter_model.safetensors")));
        if (warning.Length > 0) Assert.Equal(2, run.Error.Split(warning).Length);
    }

    [Theory]
    [InlineData(">&-")]
    [InlineData(">/dev/full")]
    [InlineData(">&- 2>&-")]
    [InlineData(">/dev/full 2>/dev/full")]
    public void AResultThatCannotBePrinted_IsAnError(string redirection)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "the system has no /dev/full");
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(2));
        foreach (string[] args in (string[][])
        [
            ["tokenize", "--model", TinyModel.WithTokenizer, "--text", "x"],
            ["generate", "--model", TinyModel.Folder, "--input-ids", "2,3", "--max-new-tokens", "2", "--threads", "1"],
            ["generate", "--model", TinyModel.Folder, "--input-ids", "2,3", "--max-new-tokens", "2", "--threads", "1", "--json"],
            ["score", "--model", TinyModel.Folder, "--dataset", rows, "--threads", "1"],
            ["--help"],
        ])
        {
            using var tool = Tool.StartInShell(redirection, args);
            var run = tool.End();
            Assert.True(run.ExitCode == 1, $"{args[0]}: exit code {run.ExitCode}: {run.Error}");
            if (!redirection.Contains("2>", StringComparison.Ordinal)) run.AssertError(1, "standard output", "could not be written");
        }
    }

    [Fact]
    public void AReaderThatHasEnough_EndsALongOutput_WithoutAWord()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", Enumerable.Repeat("{\"text\": \"hello\"}", 50_000));
        using var tool = Tool.StartInShell("| head -n 1", "tokenize", "--model", TinyModel.WithTokenizer, "--file", rows);
        var run = tool.End();
        Assert.Single(run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("", run.Error);
    }

    [Fact]
    public void AnErrorThatCannotBePrinted_KeepsItsExitCode()
    {
        foreach (var (line, exitCode) in new[] { ("trian", 2), ("score --model none --dataset x", 1) })
        {
            using var tool = Tool.StartInShell("2>&-", line.Split(' '));
            Assert.Equal(exitCode, tool.End().ExitCode);
        }
    }
}
