namespace Lapidary.Cli.Tests.Commands;

/// <summary>What train says of its rows and options.</summary>
public sealed class TrainNotesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Errors_OfRows_SpeakOfOptions_AndLeaveWhatTheRowsHold()
    {
        string rows = TinyModel.WriteLines(
            _folder.Path, "max_length.jsonl",
            ["""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"""]);
        CliRun.Of("train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--completion-only-loss", "true", "--preview")
            .AssertError(1, $"{rows} line 1: --completion-only-loss expects prompt and completion", "use --assistant-only-loss");
    }

    [Fact]
    public void MasksThatAreNotUsed_AreSaid_AndEvaluationRowsAreCountedAsRows()
    {
        string rows = TinyModel.WriteLines(
            _folder.Path, "rows.jsonl", Enumerable.Repeat("""{"input_ids": [5, 6, 7], "assistant_masks": [0, 1, 1]}""", 6));
        var run = CliRun.Of(
            "train", "--model", TinyModel.Folder, "--dataset", rows, "--test-size", "4", "--preview", "--threads", "1", "--json").Ok();
        Assert.Contains("warning    2 rows bring assistant_masks", run.Error, StringComparison.Ordinal);
        Assert.Contains("--assistant-only-loss trains what they mark", run.Error, StringComparison.Ordinal);
        Assert.Contains("evaluation rows 4, packed into 1", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_OfAnUnchangedRun_SaysNoChange()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4)), output = _folder["out"];
        CliRun.Of(
            "train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", output, "--max-steps", "2", "--save-strategy", "steps",
            "--save-steps", "1", "--modules-to-save", "none", "--max-length", "64", "--threads", "1").Ok();
        var run = CliRun.Of(
            "train", "--config", Path.Combine(output, "run.yaml"), "--resume", Path.Combine(output, "checkpoint-1")).Ok();
        Assert.DoesNotContain("Goes on with", run.Out + run.Error, StringComparison.Ordinal);
    }

    /// <summary>A run called text-to-sql in a folder is what the guide's example makes.</summary>
    [Fact]
    public void RunFile_KeepsTheNameOfATemplate_WhereAFolderIsCalledSo()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", Enumerable.Repeat("""{"question": "a", "query": "b"}""", 4));
        string output = _folder["out"], called = Path.GetFullPath("spider");
        Directory.CreateDirectory(called);
        try
        {
            CliRun.Of(
                "train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--template", "spider", "--output-dir", output,
                "--max-steps", "1", "--modules-to-save", "none", "--max-length", "64", "--threads", "1").Ok();
        }
        finally
        {
            Directory.Delete(called);
        }

        Assert.Contains("template: spider", File.ReadAllText(Path.Combine(output, "run.yaml")), StringComparison.Ordinal);
    }
}
