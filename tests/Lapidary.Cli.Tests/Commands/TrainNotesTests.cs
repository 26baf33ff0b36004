using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Engine;

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

    /// <summary>Two columns that say what they are: the error is the options to copy.</summary>
    [Theory]
    [InlineData("question,answer", "question", "answer")]
    [InlineData("id,Input,Output", "Input", "Output")]
    [InlineData("response,instruction_id,query", "query", "response")]
    public void ColumnsOfOtherNames_AreNamedAsOptions(string header, string prompt, string completion)
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.csv", [header, string.Join(',', header.Split(',').Select(_ => "stones"))]);
        string[] train = ["train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--preview"];
        string options = $"--prompt-column {prompt} --completion-column {completion}";
        CliRun.Of(train).AssertError(1, $"{rows} line 2: expected columns such as prompt and completion", $"use {options}.\n");
        CliRun.Of([.. train, .. options.Split(' ')]).Ok();
    }

    /// <summary>A small data set makes a short run; its length is no surprise where it was chosen.</summary>
    [Theory]
    [InlineData("--num-train-epochs 1", "note       the run has only 1 optimizer step, which teaches little; more come with a larger "
        + "--num-train-epochs (now 1), a smaller --gradient-accumulation-steps (now 4) or --packing false.\n")]
    [InlineData("--num-train-epochs 4.75 --gradient-accumulation-steps 1 --packing false", "note       the run has only 19 "
        + "optimizer steps, which teach little; more come with a larger --num-train-epochs (now 4.75).\n")]
    [InlineData("--num-train-epochs 5 --gradient-accumulation-steps 1 --packing false", null)]
    [InlineData("--max-steps 1", null)]
    public void FewSteps_AreSaid_WithWhatMakesMore(string options, string? note)
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4));
        string said = CliRun.Of([
            "train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", _folder["out"], "--modules-to-save", "none",
            "--save-strategy", "no", "--max-length", "64", "--threads", "1", .. options.Split(' ')]).Ok().Out;
        if (note is null) Assert.DoesNotContain("optimizer step", said, StringComparison.Ordinal);
        else Assert.Contains(note, said, StringComparison.Ordinal);
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

    /// <summary>Values of other tools that ask for something else than what happens; the others say nothing.</summary>
    [Fact]
    public void SettingsOfOtherTools_ThatTheDeviceDoesNotFollow_AreSaid()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4)), file = _folder["guide.yaml"];
        File.WriteAllText(file, "fp16: true\nlow_cpu_mem_usage: false\nuse_liger_kernel: false\nbnb_4bit_compute_dtype: torch.bfloat16\n");
        string[] args =
        [
            "train", "--model", TinyModel.Folder, "--dataset", rows, "--max-steps", "1", "--modules-to-save", "none", "--max-length", "16",
            "--threads", "1", "--device", "cpu",
        ];
        args = [.. args, "--config", file];
        string said = CliRun.Of([.. args, "--output-dir", _folder["a"], "--bf16", "true", "--optim", "adamw_torch"]).Ok().Out;
        const string Cpu = "changes nothing: the CPU computes in float32.\n";
        Assert.Contains("note       the CPU computes in float32; --dtype float16 changes nothing.\n", said, StringComparison.Ordinal);
        Assert.Contains($"note       --bf16 true {Cpu}", said, StringComparison.Ordinal);
        Assert.Contains($"note       --bnb-4bit-compute-dtype bfloat16 {Cpu}", said, StringComparison.Ordinal);
        Assert.Contains(
            "note       --low-cpu-mem-usage false changes nothing: weights are always mapped from their file.", said,
            StringComparison.Ordinal);
        Assert.Equal(4, said.Split("changes nothing").Length - 1);

        // The command line goes before the file.
        said = CliRun.Of([.. args, "--output-dir", _folder["b"], "--dtype", "auto", "--bf16", "false"]).Ok().Out;
        Assert.DoesNotContain("fp16", said, StringComparison.Ordinal);
        Assert.DoesNotContain("bf16", said, StringComparison.Ordinal);
        Assert.Equal(2, said.Split("changes nothing").Length - 1);
    }

    [Theory]
    [InlineData(DType.BFloat16, "--bf16 false,--tf32 true,--bnb-4bit-compute-dtype float16")]
    [InlineData(DType.Float16, "--bf16 true,--tf32 true,--bnb-4bit-compute-dtype bfloat16")]
    [InlineData(DType.Float32, "--bf16 true,--tf32 true,--bnb-4bit-compute-dtype float16,--bnb-4bit-compute-dtype bfloat16")]
    public void Precision_IsTheDevices(DType computesIn, string expected)
    {
        GivenConstant[] all =
        [
            .. new[] { "bf16", "tf32", "bnb_4bit_compute_dtype" }.Select(key => GuideNames.All.Single(name => name.Key == key))
                .SelectMany(name => name.Constants!.Reverse().Select(value => new GivenConstant(name, value))),
        ];
        string[] notes = [.. ConstantNotes.Of(all, computesIn).Select(note => note[..note.IndexOf(" changes", StringComparison.Ordinal)])];
        string[] others = [.. notes.Where(note => !note.EndsWith(" float32", StringComparison.Ordinal))];
        Assert.Equal(expected.Split(',').Order(StringComparer.Ordinal), others.Order(StringComparer.Ordinal));
        Assert.Equal(computesIn != DType.Float32, notes.Length > others.Length);
    }

    [Fact]
    public void AFinishedRunThatIsResumed_SaysThatNothingIsLeft()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4)), output = _folder["out"];
        CliRun.Of(
            "train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", output, "--max-steps", "1",
            "--modules-to-save", "none", "--max-length", "64", "--threads", "1").Ok();
        var run = CliRun.Of("train", "--config", Path.Combine(output, "run.yaml"), "--resume").Ok();
        Assert.Contains("; nothing was left to train\n", run.Out, StringComparison.Ordinal);
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
