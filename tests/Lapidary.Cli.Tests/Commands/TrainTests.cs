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

    /// <summary>The base has a tokenizer with a template of its own; the run is trained with another one.</summary>
    [Fact]
    public void Train_WithATokenizer_KeepsItBesideAdapterAndCheckpoint()
    {
        const string Template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}";
        string other = _folder["other"], row = """{"messages": [{"role": "user", "content": "SELECT stones"}]}""";
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(TinyModel.WithTokenizer, "tokenizer.json"), Path.Combine(other, "tokenizer.json"));
        File.WriteAllText(Path.Combine(other, "tokenizer_config.json"), "{}");
        File.WriteAllText(Path.Combine(other, "chat_template.jinja"), Template);
        string rows = TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]);
        string chat = TinyModel.WriteLines(_folder.Path, "chat.jsonl", [row]);
        string[] model = ["--model", TinyModel.WithTokenizer];
        var args = Args("out", dataset: rows).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg);
        CliRun.Of([.. args, "--max-steps", "1", "--tokenizer", other]).Ok();

        string Ids(params string[] folders) => CliRun.Of(["tokenize", "--file", chat, .. folders]).Ok().Out;
        string expected = Ids("--tokenizer", other);
        Assert.NotEqual(expected, Ids(model));
        Assert.Equal(expected, Ids([.. model, "--adapter", _folder["out"]]));
        Assert.Equal(expected, Ids([.. model, "--adapter", Path.Combine(_folder["out"], "checkpoint-1")]));
        Assert.Equal(Ids(model), Ids([.. model, "--adapter", _folder["out"], "--tokenizer", TinyModel.WithTokenizer]));
        string[] files = ["special_tokens_map.json", "tokenizer.model"];
        Assert.All(files, name => Assert.False(File.Exists(Path.Combine(_folder["out"], name)), name)); // of the base
    }

    /// <summary>The line that is printed can be copied: it asks the first row's question.</summary>
    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "it's"}, {"role": "assistant", "content": "SELECT"}], "tools": [{"n": 1}]}""",
        "--messages", "question.json", "it's")]
    [InlineData("""{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}""",
        "--messages", "question.json", "\"a\"")]
    [InlineData("""{"prompt": "it's a", "completion": " b"}""", "--prompt 'it'\\''s a'", null, null)]
    [InlineData("""{"prompt": "two\nlines", "completion": " b"}""", "--prompt - <", "prompt.txt", "two\nlines")]
    [InlineData("""{"text": "SELECT stones"}""", "--prompt 'SELECT stones'", null, null)]
    [InlineData("""{"input_ids": [2, 5, 6]}""", "--input-ids 2,5,6", null, null)]
    public void Train_SaysHowToAskTheFirstRowsQuestion(string row, string option, string? file, string? content)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "quoted as bash reads it");
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", [row]);
        var args = Args("my run", dataset: rows).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg == "16" ? "64" : arg);
        string text = CliRun.Of([.. args, "--max-steps", "1"]).Ok().Out;
        string line = text.Split('\n').Single(line => line.StartsWith("next ", StringComparison.Ordinal));
        Assert.Contains(option, line, StringComparison.Ordinal);
        Assert.Contains($"--adapter '{_folder["my run"]}'", line, StringComparison.Ordinal);
        if (file is null) return;
        string path = Path.Combine(_folder["my run"], file);
        Assert.Contains(content!, File.ReadAllText(path), StringComparison.Ordinal);
        if (file != "question.json") return;
        Assert.DoesNotContain("SELECT", File.ReadAllText(path), StringComparison.Ordinal);
        string[] generate = ["generate", "--model", TinyModel.WithTokenizer, "--adapter", _folder["my run"], "--messages", path];
        CliRun.Of([.. generate, "--max-new-tokens", "1", "--threads", "1"]).Ok();
    }

    private byte[] Adapter(string output) => File.ReadAllBytes(Path.Combine(_folder[output], "adapter_model.safetensors"));
}
