namespace Lapidary.Cli.Tests.Commands;

/// <summary>What train leaves, and what it says.</summary>
public sealed class TrainTests : TrainRuns
{
    [Fact]
    public void Train_LeavesAdapterStateEventsAndSettings_AndTheLossFalls()
    {
        string[] more = ["--num-train-epochs", "3", "--gradient-accumulation-steps", "2", "--test-size", "2", "--json"];
        var json = CliRun.Of([.. Args("out"), .. more]).Ok().Json;
        string[] files =
            ["adapter_config.json", "adapter_model.safetensors", "trainer_state.json", "run.yaml", "manifest.json", "README.md"];
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
    public void Train_FromItsRunFile_IsTheSameRun()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "2", "--lora-r", "4", "--completion-only-loss", "false"]).Ok();
        CliRun.Of("train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--output-dir", _folder["again"]).Ok();
        Assert.Equal(Adapter("out"), Adapter("again"));
        Assert.Equal(Lines("out"), Lines("again"));

        string[] Lines(string output) =>
        [
            .. File.ReadLines(Path.Combine(_folder[output], "run.yaml"))
                .Where(line => !line.StartsWith("run_folder", StringComparison.Ordinal)),
        ];
    }

    [Fact]
    public void Train_OfANameThatMatchesNothing_WritesNothing()
    {
        string[] train = ["train", "--model", TinyModel.Folder, "--dataset", Rows(4), "--threads", "1", "--output-dir", _folder["none"]];
        CliRun.Of([.. train, "--target-modules", "q_prj"])
            .AssertError(1, "--target-modules: \"q_prj\" matches no layer; perhaps q_proj is meant");
        CliRun.Of([.. train, "--target-modules", "[("]).AssertError(1, "expected a regular expression, found \"[(\"");
        CliRun.Of([.. train, "--modules-to-save", "lm_heads"]).AssertError(1, "\"lm_heads\"", "perhaps lm_head is meant");
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Theory]
    [InlineData("-", true)]
    [InlineData("/dev/stdin", true)]
    [InlineData("/dev/fd/63", true)]
    [InlineData("rows-.jsonl", false)]
    public void DataSet_ThatIsAPipe_IsRecordedAsStandardInput(string path, bool isPipe) =>
        Assert.Equal(isPipe, Lapidary.Cli.Settings.DataSettings.IsPipe(path));

    /// <summary>An error in a row names options too; a column that is named like one stays.</summary>
    [Fact]
    public void Train_OfColumnsItDoesNotKnow_NamesTheOptions()
    {
        string csv = TinyModel.WriteLines(_folder.Path, "rows.csv", ["question,max_length", "a,b"]);
        CliRun.Of(Args("out", dataset: csv)).AssertError(
            1, "found columns question, max_length;", "--prompt-column and --completion-column");
        string pair = TinyModel.WriteLines(_folder.Path, "pairs.jsonl", ["""{"prompt": "a", "completion": "b"}"""]);
        var args = Args("out", dataset: pair).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg);
        CliRun.Of([.. args, "--assistant-only-loss"]).AssertError(1, "--assistant-only-loss expects messages, found prompt and completion");
    }

    [Fact]
    public void Train_FromARunFileOfALaterVersion_IsRefused()
    {
        string path = _folder["run.yaml"];
        File.WriteAllText(path, "run_file_version: 3\nmodel: x\n");
        CliRun.Of("train", "--config", path).AssertError(1, "line 1", "run_file_version", "a later Lapidary");
    }

    [Fact]
    public void Train_SaysOnceWhatChangesNothing()
    {
        string[] args =
        [
            .. Args("out", rows: 2), "--max-steps", "1", "--num-train-epochs", "2", "--save-steps", "5", "--eval-steps", "5",
            "--dtype", "bfloat16", "--device", "cpu", "--packing-strategy", "wrapped",
        ];
        string text = CliRun.Of(args).Ok().Out;
        string[] notes =
        [
            "--max-steps 1 goes before --num-train-epochs", "--save-steps changes nothing", "nothing is evaluated",
            "the CPU computes in float32", "--packing-strategy changes nothing",
        ];
        Assert.All(notes, note => Assert.Contains(note, text, StringComparison.Ordinal));
        Assert.Contains("eval_strategy: no", File.ReadAllLines(Path.Combine(_folder["out"], "run.yaml")));

        string again = CliRun.Of("train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--output-dir", _folder["again"]).Ok().Out;
        Assert.All(notes, note => Assert.DoesNotContain(note, again, StringComparison.Ordinal));
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
    public void Train_Preview_LeavesOutTheMiddle_UnlessAllIsAskedFor()
    {
        string rows = TinyModel.WriteRows(_folder.Path, [[.. Enumerable.Range(10, 60)]]);
        string[] args = ["train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", _folder["out"], "--preview"];
        string text = CliRun.Of(args).Ok().Out;
        Assert.Contains("     …  47 tokens\n", text, StringComparison.Ordinal);
        Assert.Contains("60 tokens in the row, 47 not shown; --preview all shows them", text, StringComparison.Ordinal);
        Assert.Equal(1 + 60, CliRun.Of([.. args, "all"]).Ok().Out.Split('\n').Count(
            line => line.Contains("  yes  ", StringComparison.Ordinal) || line.Contains("  no  ", StringComparison.Ordinal)
                || line.Contains("trained  text", StringComparison.Ordinal)));
        CliRun.Of([.. args, "some"]).AssertError(2, "--preview: expected all or nothing, found some");
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
        if (options.Length == 0) Assert.Contains("evaluation rows 3, packed into 1", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NamesTheSplitOfTheSameFolder_ThatItEvaluatesOn()
    {
        foreach (string name in (string[])["train", "test"]) TinyModel.WriteRows(_folder.Path, TinyModel.Runs(6), $"{name}.jsonl");
        var run = CliRun.Of(
            "train", "--model", TinyModel.Folder, "--dataset", _folder.Path, "--eval-dataset", _folder.Path, "--max-steps", "1",
            "--modules-to-save", "none", "--output-dir", _folder["out"]).Ok();
        Assert.Contains("splits: train 1 file, test 1 file (evaluated on)", run.Out, StringComparison.Ordinal);
    }

    /// <summary>A folder without a validation or test split gives its train split, which nobody asks for.</summary>
    [Fact]
    public void Train_SaysThatItEvaluatesOnTrainRows()
    {
        const string Lacks = " has neither a validation nor a test split: ";
        string[] folders = [.. new[] { "one", "two", "loose" }.Select(name => Directory.CreateDirectory(_folder[name]).FullName)];
        foreach (string folder in folders)
            TinyModel.WriteRows(folder, TinyModel.Runs(6), folder == folders[2] ? "rows.jsonl" : "train.jsonl");
        Assert.Contains($"{folders[0]}{Lacks}the rows that are trained on are evaluated on", On(folders[0]), StringComparison.Ordinal);
        Assert.Contains($"{folders[1]}{Lacks}its train split is evaluated on", On(folders[1]), StringComparison.Ordinal);
        Assert.DoesNotContain(Lacks, On(folders[2]), StringComparison.Ordinal);
        Assert.DoesNotContain(Lacks, On(folders[0] + ":train[:2]"), StringComparison.Ordinal);

        string On(string evaluated) => CliRun.Of(
            "train", "--model", TinyModel.Folder, "--dataset", folders[0], "--eval-dataset", evaluated, "--preview", "--threads", "1")
            .Ok().Out;
    }

    [Fact]
    public void Train_SaysWhatTheUserMayNotExpect()
    {
        string[] args = [.. Args("out", rows: 2).Where(arg => arg is not ("--modules-to-save" or "none")), "--max-steps", "1"];
        string text = CliRun.Of([.. args, "--warmup-ratio", "0.1", "--lr-scheduler-type", "constant", "--dtype", "bfloat16"]).Ok().Out;
        Assert.Contains("one tied matrix", text, StringComparison.Ordinal);
        Assert.Contains("--modules-to-save none", text, StringComparison.Ordinal);
        Assert.Contains("ignores warm-up", text, StringComparison.Ordinal);
        Assert.Contains("the CPU computes in float32", text, StringComparison.Ordinal);
        Assert.Contains("lapidary merge --model", text, StringComparison.Ordinal);
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
        var args = Args("my run", dataset: rows)
            .Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg == "16" ? "64" : arg);
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
}
