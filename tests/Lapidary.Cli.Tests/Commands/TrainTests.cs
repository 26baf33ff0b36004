using Lapidary.Training;

namespace Lapidary.Cli.Tests.Commands;

public sealed class TrainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A run that takes a moment: short rows, few adapters, nothing recomputed.</summary>
    private string[] Args(string output, int rows = 8, string? dataset = null) =>
    [
        "train", "--model", TinyModel.Folder, "--dataset", dataset ?? Rows(rows), "--output-dir", _folder[output], "--threads", "1",
        "--packing", "false", "--max-length", "16", "--target-modules", "q_proj,v_proj", "--modules-to-save", "none",
        "--gradient-checkpointing", "false", "--learning-rate", "5e-3", "--logging-steps", "1",
    ];

    private string Rows(int count) => TinyModel.WriteRows(_folder.Path, TinyModel.Runs(count), $"{count} rows #1.jsonl");

    private TrainerState State(string output) => TrainerState.Read(_folder[output]);

    [Fact]
    public void Train_LeavesAdapterStateEventsAndSettings_AndTheLossFalls()
    {
        string[] more = ["--num-train-epochs", "3", "--gradient-accumulation-steps", "2", "--test-size", "2", "--json"];
        var json = CliRun.Of([.. Args("out"), .. more]).Ok().Json;
        string[] files = ["adapter_config.json", "adapter_model.safetensors", "trainer_state.json", "run.yaml"];
        Assert.All(
            [.. files, "checkpoint-9/optimizer.safetensors"],
            file => Assert.True(File.Exists(Path.Combine(_folder["out"], file)), file));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder["out"], "runs"), "events.out.tfevents.*"));
        var log = State("out").LogHistory.Where(entry => entry.Loss is not null).ToArray();
        Assert.Equal(9, log.Length);
        Assert.True(log[^3..].Average(entry => entry.Loss) < log[..3].Average(entry => entry.Loss) - 0.05);
        Assert.Equal(9, json.GetProperty("global_step").GetInt32());
        Assert.Equal(_folder["out"], json.GetProperty("output_dir").GetString());
        Assert.Equal(log.Average(entry => entry.Loss!.Value), json.GetProperty("train_loss").GetDouble(), 1e-9);
        Assert.Equal(State("out").LogHistory[^1].EvalLoss!.Value, json.GetProperty("eval_loss").GetDouble(), 1e-9);
        Assert.Equal(State("out").NumTokens, json.GetProperty("tokens").GetInt64());
        string[] measured = ["seconds", "tokens_per_second", "peak_bytes"];
        Assert.All(measured, name => Assert.True(json.GetProperty(name).GetDouble() > 0, name));
    }

    [Fact]
    public void Train_8x1_4x2_2x4_HaveEqualLosses()
    {
        double[] Losses(int batch, int accumulation)
        {
            string name = $"out{batch}";
            CliRun.Of([
                .. Args(name), "--per-device-train-batch-size", $"{batch}", "--gradient-accumulation-steps", $"{accumulation}",
                "--max-steps", "3", "--lora-dropout", "0", "--quantization", "none", "--save-strategy", "no"]).Ok();
            return [.. State(name).LogHistory.Select(entry => entry.Loss!.Value)];
        }

        double[] expected = Losses(8, 1);
        Assert.Equal(3, expected.Length);
        foreach (double[] found in new[] { Losses(4, 2), Losses(2, 4) })
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public void Train_InterruptedAndResumed_GivesTheBytesOfAnUninterruptedRun()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1", "--lora-dropout", "0.1"];
        CliRun.Of([.. Args("whole", rows: 3), .. more]).Ok();

        string[] saving = ["--save-strategy", "steps", "--save-steps", "2"];
        var half = CliRun.InterruptedAt("checkpoint-2", [.. Args("half", rows: 3), .. more, .. saving]);
        Assert.True(half.ExitCode == 130, half.Error);
        Assert.Contains("--resume", half.Error, StringComparison.Ordinal);
        Assert.Contains("go on with: lapidary train", half.Error, StringComparison.Ordinal);

        CliRun.Of("train", "--config", Path.Combine(_folder["half"], "run.yaml"), "--resume").Ok();
        Assert.Equal(Adapter("whole"), Adapter("half"));
        Assert.Equal(State("whole").LogHistory.Select(entry => entry.Loss), State("half").LogHistory.Select(entry => entry.Loss));
    }

    [Fact]
    public void Train_KilledAndResumed_GivesTheBytesOfAnUninterruptedRun()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1"];
        string[] args = [.. Args("killed", rows: 4), .. more, "--save-strategy", "steps", "--save-steps", "1"];
        using (var tool = Tool.Start(args))
        {
            tool.WaitFor(() => Directory.Exists(Path.Combine(_folder["killed"], "checkpoint-2")));
            tool.Kill();
        }

        CliRun.Of([.. args, "--resume"]).Ok();
        CliRun.Of([.. Args("whole", rows: 4), .. more, "--save-strategy", "no"]).Ok();
        Assert.Equal(Adapter("whole"), Adapter("killed"));
    }

    /// <summary>Ctrl-C is INT; TERM is what a system sends that wants its machine back.</summary>
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void Train_OnASignal_SavesAndEndsWith130(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");
        Assert.SkipWhen(signal == "INT" && Tool.InheritsIgnoredInterrupts, "SIGINT is ignored here, as in a shell's background job.");
        string[] saving = ["--save-strategy", "steps", "--save-steps", "1", "--save-total-limit", "2"];
        using var tool = Tool.Start([.. Args("out"), "--max-steps", "100000", .. saving, "--json"]);
        tool.WaitFor(() => Directory.Exists(_folder["out"]) && Directory.GetDirectories(_folder["out"], "checkpoint-*").Length > 1);
        tool.Send(signal);
        var run = tool.End();
        Assert.Equal(130, run.ExitCode);
        Assert.True(run.Json.GetProperty("interrupted").GetBoolean());
        int step = run.Json.GetProperty("global_step").GetInt32();
        Assert.Contains($"interrupted after step {step}; go on with", run.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder["out"], $"checkpoint-{step}", "trainer_state.json")));
    }

    [Fact]
    public void Train_FromItsRunFile_IsTheSameRun()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "2", "--lora-r", "4", "--completion-only-loss", "false"]).Ok();
        CliRun.Of("train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--output-dir", _folder["again"]).Ok();
        Assert.Equal(Adapter("out"), Adapter("again"));
        Assert.Equal(Lines("out"), Lines("again"));

        string[] Lines(string output) =>
        [
            .. File.ReadLines(Path.Combine(_folder[output], "run.yaml"))
                .Where(line => !line.StartsWith("output_dir", StringComparison.Ordinal)),
        ];
    }

    [Fact]
    public void Train_OnFromAnAdapter_StartsWhereItEnded()
    {
        CliRun.Of([.. Args("first", rows: 2), "--max-steps", "2", "--lora-r", "4"]).Ok();
        string[] args = [.. Args("second", rows: 2).Select(arg => arg == "5e-3" ? "0" : arg)];
        CliRun.Of([.. args, "--adapter", _folder["first"], "--max-steps", "1"]).Ok();
        Assert.Equal(Adapter("first"), Adapter("second"));
    }

    [Fact]
    public void Train_GuardsTheFolderOfAnotherRun()
    {
        string[] args = [.. Args("out", rows: 2), "--max-steps", "1"];
        CliRun.Of([.. args, "--resume"]).AssertError(1, "--resume expected a checkpoint", "out");
        CliRun.Of(args).Ok();
        CliRun.Of(args).AssertError(1, "--resume", "--overwrite-output-dir");
        CliRun.Of([.. args, "--resume", "--lora-r", "3"]).AssertError(1, "lora_r", "16");
        CliRun.Of([.. args, "--overwrite-output-dir", "--save-strategy", "no"]).Ok();
        Assert.Empty(Directory.GetDirectories(_folder["out"], "checkpoint-*"));
    }

    [Fact]
    public void Train_Preview_ShowsLabelsAndWritesNothing()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "chat.jsonl",
            ["""{"messages": [{"role": "user", "content": "SELECT"}, {"role": "assistant", "content": "stones"}]}"""]);
        string text = CliRun.Of(
            "train", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--assistant-only-loss", "--preview",
            "--output-dir", _folder["out"]).Ok().Out;
        Assert.Contains("no       <bos>", text, StringComparison.Ordinal);
        Assert.Contains("yes      <end_of_turn>", text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("", "splits: train 1 file, validation 1 file (evaluated on), test 1 file (not used)", true)]
    [InlineData("--eval-strategy no", "validation 1 file (not used)", false)]
    [InlineData("--test-size 2", "validation 1 file (not used)", true)]
    public void Train_OnAFolderWithSplits_EvaluatesOnValidation_AndSaysSo(string options, string line, bool evaluates)
    {
        foreach (string name in (string[])["train", "validation", "test"])
            TinyModel.WriteRows(_folder.Path, TinyModel.Runs(name == "train" ? 6 : 3), $"{name}.jsonl");
        var run = CliRun.Of([
            "train", "--model", TinyModel.Folder, "--dataset", _folder.Path, "--max-steps", "2", "--modules-to-save", "none",
            "--output-dir", _folder["out"], .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).Ok();
        Assert.Contains(line, run.Out, StringComparison.Ordinal);
        Assert.Equal(evaluates, run.Out.Contains("evaluation loss", StringComparison.Ordinal));
    }

    [Fact]
    public void Train_SaysWhatTheUserMayNotExpect()
    {
        string[] args = [.. Args("out", rows: 2).Where(arg => arg is not ("--modules-to-save" or "none")), "--max-steps", "1"];
        string text = CliRun.Of([.. args, "--warmup-ratio", "0.1", "--lr-scheduler-type", "constant"]).Ok().Out;
        Assert.Contains("one tied matrix", text, StringComparison.Ordinal);
        Assert.Contains("vLLM loads this adapter: no", text, StringComparison.Ordinal);
        Assert.Contains("--modules-to-save none", text, StringComparison.Ordinal);
        Assert.Contains("ignores warm-up", text, StringComparison.Ordinal);
        Assert.Contains("lapidary merge --model", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_OfTexts_CopiesTheTokenizer()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]);
        string[] args = [.. Args("out", dataset: rows), "--max-steps", "1", "--tokenizer", TinyModel.WithTokenizer];
        CliRun.Of(args).Ok();
        Assert.True(File.Exists(Path.Combine(_folder["out"], "tokenizer.json")));
    }

    private byte[] Adapter(string output) => File.ReadAllBytes(Path.Combine(_folder[output], "adapter_model.safetensors"));
}
