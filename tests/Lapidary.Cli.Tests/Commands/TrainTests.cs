using Lapidary.Tests;
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

    /// <summary>Who starts a run again whenever it ends early gives the same words each time.</summary>
    [Fact]
    public void Train_StartedAgainWithResumeAuto_GoesOnWhereThereIsACheckpoint()
    {
        string[] more = ["--num-train-epochs", "2", "--gradient-accumulation-steps", "1"];
        string[] args = [.. Args("again", rows: 3), .. more, "--save-strategy", "steps", "--save-steps", "2", "--resume", "auto"];
        Assert.Equal(130, CliRun.InterruptedAt("checkpoint-2", args).ExitCode);
        Assert.Contains("\"global_step\":6", CliRun.Of([.. args, "--json"]).Ok().Out, StringComparison.Ordinal);
        CliRun.Of(args).Ok(); // there is nothing left to do

        CliRun.Of([.. Args("whole", rows: 3), .. more]).Ok();
        Assert.Equal(Adapter("whole"), Adapter("again"));
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
                .Where(line => !line.StartsWith("run_folder", StringComparison.Ordinal)),
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

    /// <summary>An adapter has its rank, layers and modules; what is given beside it must be the same, in whichever words. Dropout belongs
    /// to a run.</summary>
    [Fact]
    public void Train_BesideAnAdapter_RefusesWhatDiffersFromIt_AndWritesWhatItIs()
    {
        string adapter = Variant.Of(
            Fixtures.Path("tiny/adapter"), json: config => (config["r"], config["use_rslora"]) = (4, false));
        string[] start =
        [
            "train", "--model", TinyModel.Folder, "--dataset", Rows(4), "--threads", "1", "--packing", "false", "--max-length", "16",
            "--max-steps", "1", "--gradient-accumulation-steps", "1", "--adapter", adapter, "--output-dir",
        ];
        (string Option, string Value, string Words)[] cases =
        [
            ("--lora-r", "16", "has lora_r 4, found --lora-r 16"), ("--lora-alpha", "9", "has lora_alpha 8, found --lora-alpha 9"),
            ("--target-modules", "q_proj", "found --target-modules q_proj"),
            ("--modules-to-save", "lm_head", "has modules_to_save none, found --modules-to-save lm_head"),
            ("--use-rslora", "true", "has use_rslora false, found --use-rslora true"),
        ];
        foreach (var (option, value, words) in cases)
        {
            CliRun.Of([.. start, _folder["refused"], option, value]).AssertError(1, adapter, words, "leave the option out");
            Assert.False(Directory.Exists(_folder["refused"]));
        }

        string[] same = ["--lora-r", "4", "--target-modules", "all-linear", "--modules-to-save", "none", "--lora-dropout", "0.25"];
        CliRun.Of([.. start, _folder["same"], .. same]).Ok();
        string written = File.ReadAllText(Path.Combine(_folder["same"], "adapter_config.json"));
        Assert.Contains("\"lora_dropout\": 0.25,", written, StringComparison.Ordinal);

        CliRun.Of([.. start, _folder["bare"]]).Ok();
        string yaml = File.ReadAllText(Path.Combine(_folder["bare"], "run.yaml"));
        Assert.Contains("lora_r: 4\n", yaml, StringComparison.Ordinal);
        Assert.Contains("modules_to_save: none\n", yaml, StringComparison.Ordinal);
        CliRun.Of("train", "--config", Path.Combine(_folder["bare"], "run.yaml"), "--output-dir", _folder["again"]).Ok();
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

    [Fact]
    public void Train_GuardsTheFolderOfAnotherRun()
    {
        string[] args = [.. Args("out", rows: 2), "--max-steps", "1"];
        CliRun.Of([.. args, "--resume"]).AssertError(1, "expected a checkpoint to go on from", "out");
        CliRun.Of(args).Ok();
        CliRun.Of(args).AssertError(1, "--resume", "--overwrite-output-dir");
        CliRun.Of([.. args, "--resume", "--lora-r", "3"]).AssertError(
            1, "--lora-r is 3 here, 16 in the checkpoint", $"use --adapter {Path.Combine(_folder["out"], "checkpoint-1")}");
        CliRun.Of([.. args, "--overwrite-output-dir", "--save-strategy", "no"]).Ok();
        Assert.Empty(Directory.GetDirectories(_folder["out"], "checkpoint-*"));
    }

    /// <summary>A run's folder has its settings; who gives the folder alone is told of them.</summary>
    [Fact]
    public void Train_OnInARunsFolder_NamesItsSettings()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        string file = Path.Combine(_folder["out"], "run.yaml"), checkpoint = Path.Combine(_folder["out"], "checkpoint-1");
        CliRun.Of("train", "--output-dir", _folder["out"], "--resume").AssertError(
            2, "--model (or --adapter) and --dataset are missing", $"--config {file} --resume");
        CliRun.Of("train", "--resume", checkpoint).AssertError(2, $"--config {file} --resume {checkpoint}");
        CliRun.Of("train", "--config", _folder["out"], "--resume").AssertError(1, "found a run's folder", $"give {file}");
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

    /// <summary>A refusal changes no byte, so that the right command goes on to work.</summary>
    [Fact]
    public void Train_ThatIsRefused_ChangesNothing()
    {
        string[] args = [.. Args("out", rows: 2), "--max-steps", "2", "--lora-r", "4"];
        CliRun.Of(args).Ok();
        string[] before = Contents("out");
        string[] saved = ["--config", Path.Combine(_folder["out"], "run.yaml")];

        CliRun.Of(["train", .. saved, "--resume", "--learning-rate", "1"]).AssertError(1, "--learning-rate is 1 here, 0.005");
        CliRun.Of(["train", .. saved, "--resume", "--target-modules", "all-linear"]).AssertError(1, "--target-modules is");
        CliRun.Of(["train", .. saved, "--resume", "--modules-to-save", "lm_head"]).AssertError(1, "--modules-to-save is");
        CliRun.Of(["train", .. saved, "--resume", "--quantization", "none"]).AssertError(1, "quantization is none here, nf4");
        CliRun.Of(["train", .. saved, "--resume", "--double-quant", "false"]).AssertError(1, "--double-quant is false here, true");
        CliRun.Of(["train", .. saved, "--resume", "--max-steps", "1"]).AssertError(1, "--max-steps: expected at least 2");
        CliRun.Of(["train", .. saved, "--overwrite-output-dir", "--adapter", _folder["nope"]]).AssertError(1, "nope");
        CliRun.Of(["train", .. saved, "--overwrite-output-dir", "--dataset", _folder["nope.jsonl"]]).AssertError(1, "nope");
        CliRun.Of(["train", .. saved, "--overwrite-output-dir", "--num-train-epochs", "0", "--max-steps", "-1"])
            .AssertError(1, "--num-train-epochs must be above 0");

        Assert.Equal(before, Contents("out"));
        CliRun.Of(["train", .. saved, "--resume", "--max-steps", "3"]).Ok();
        Assert.Equal(3, State("out").GlobalStep);
    }

    [Fact]
    public void Train_FromACheckpointInItsOwnFolder_KeepsIt()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "2", "--lora-r", "4"]).Ok();
        string start = Path.Combine(_folder["out"], "checkpoint-2");
        byte[] weights = File.ReadAllBytes(Path.Combine(start, "adapter_model.safetensors"));
        string[] args = [.. Args("out", rows: 2), "--max-steps", "1", "--adapter", start];
        CliRun.Of(args).AssertError(1, "holds a run already", "--overwrite-output-dir");

        CliRun.Of([.. args, "--overwrite-output-dir"]).Ok();

        string initial = Path.Combine(_folder["out"], "initial-adapter");
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(initial, "adapter_model.safetensors")));
        string[] lines = File.ReadAllLines(Path.Combine(_folder["out"], "run.yaml"));
        Assert.Contains("adapter: ./initial-adapter", lines);
        Assert.Contains("lora_r: 4", lines); // the adapter's own, not what a new one would have
        CliRun.Of("train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--resume", "--max-steps", "2").Ok();
    }

    [Fact]
    public void Train_InAFolderThatWasMoved_GoesOnThere()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1", "--lora-r", "4"]).Ok();
        Directory.Move(_folder["out"], _folder["moved"]);

        CliRun.Of("train", "--config", Path.Combine(_folder["moved"], "run.yaml"), "--resume", "--max-steps", "2").Ok();

        Assert.Equal(2, State("moved").GlobalStep);
        Assert.False(Directory.Exists(_folder["out"]));
        Assert.Contains($"run_folder: {_folder["moved"]}", File.ReadAllLines(Path.Combine(_folder["moved"], "run.yaml")));
    }

    [Fact]
    public void Train_OnFromACheckpoint_SaysWhatOnlyANewRunHeeds()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        string[] args = [.. Args("out", rows: 2), "--max-steps", "2", "--resume", "--overwrite-output-dir"];

        string said = CliRun.Of([.. args, "--adapter", _folder["out"]]).Ok().Out;

        Assert.Contains("--adapter is where a new run starts", said, StringComparison.Ordinal);
        Assert.Contains("beside --resume nothing is overwritten", said, StringComparison.Ordinal);
        Assert.Equal(2, State("out").GlobalStep);
    }

    /// <summary>0.1 wrote no version, and paths as they were typed.</summary>
    [Fact]
    public void Train_InAFolderOf01ThatWasMoved_GoesOnThere()
    {
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "1"]).Ok();
        Directory.Move(_folder["out"], _folder["moved"]);
        string path = Path.Combine(_folder["moved"], "run.yaml");
        string[] newer = ["#", "run_file_version", "run_folder", "report_to", "output_dir"];
        var lines = File.ReadAllLines(path).Where(line => !newer.Any(start => line.StartsWith(start, StringComparison.Ordinal)))
            .Select(line => line.Replace("../../", Path.GetDirectoryName(_folder.Path) + "/", StringComparison.Ordinal)
                .Replace("../", _folder.Path + "/", StringComparison.Ordinal));
        File.WriteAllLines(path, ["# Run again with: lapidary train --config FILE", "output_dir: out", .. lines]);

        CliRun.Of("train", "--config", path, "--resume", "--max-steps", "2").Ok();

        Assert.Equal(2, State("moved").GlobalStep);
        Assert.False(Directory.Exists("out"));
    }

    [Fact]
    public void Train_FromARunFileOfALaterVersion_IsRefused()
    {
        string path = _folder["run.yaml"];
        File.WriteAllText(path, "run_file_version: 3\nmodel: x\n");
        CliRun.Of("train", "--config", path).AssertError(1, "line 1", "run_file_version", "a later Lapidary");
    }

    [Fact]
    public void Train_IntoItsModelsFolder_IsRefused() =>
        CliRun.Of([.. Args("out", rows: 2).Select(arg => arg == _folder["out"] ? TinyModel.Folder + "/" : arg), "--max-steps", "1"])
            .AssertError(1, "is the same folder as");

    [Fact]
    public void Train_InterruptedBeforeItHasSaved_HintsAtNoResume()
    {
        var run = CliRun.InterruptedAt("steps ", [.. Args("out", rows: 2), "--max-steps", "2"]);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("nothing has been saved yet", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--resume", run.Error, StringComparison.Ordinal);
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

    /// <summary>Killed at any moment of an overwriting run, the folder still holds a run that goes on: the old or the new.</summary>
    [Fact]
    public void Train_KilledWhileItOverwrites_LosesNothing()
    {
        string[] more = ["--save-strategy", "steps", "--save-steps", "1", "--overwrite-output-dir"];
        CliRun.Of([.. Args("out", rows: 2), "--max-steps", "2"]).Ok();
        foreach (string pattern in new[] { "replaced-*", "checkpoint-1.tmp-*", "checkpoint-1" })
        {
            using (var tool = Tool.Start([.. Args("out", rows: 2), "--max-steps", "100000", .. more]))
            {
                tool.WaitFor(() => Directory.GetDirectories(_folder["out"], pattern).Length > 0);
                tool.Kill();
            }

            string run = Path.Combine(_folder["out"], "run.yaml");
            int done = CliRun.Of("train", "--config", run, "--resume", "--max-steps", "100", "--json").Ok().Json
                .GetProperty("global_step").GetInt32();
            Assert.Equal(100, done);
            Assert.Empty(Directory.GetDirectories(_folder["out"], "replaced-*"));
        }
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

    /// <summary>What is saved has the run's tokenizer, also where the folder that it came from goes with the run that is
    /// replaced.</summary>
    [Fact]
    public void Train_WithTheTokenizerOfACheckpointItReplaces_KeepsIt()
    {
        CliRun.Of([.. TextArgs(), "--max-steps", "2"]).Ok();
        string start = Path.Combine(_folder["out"], "checkpoint-2");
        byte[] tokenizer = File.ReadAllBytes(Path.Combine(start, "tokenizer.json"));

        CliRun.Of([.. TextArgs(), "--max-steps", "1", "--adapter", start, "--overwrite-output-dir"]).Ok();

        string[] kept = ["tokenizer.json", "checkpoint-1/tokenizer.json", "initial-adapter/tokenizer.json"];
        Assert.All(kept, file => Assert.Equal(tokenizer, File.ReadAllBytes(Path.Combine(_folder["out"], file))));
        Assert.Empty(Directory.GetDirectories(_folder["out"], "tokenizer*"));
    }

    [Fact]
    public void Train_OnFromACheckpoint_HasTheTokenizerOfIt()
    {
        string other = _folder["other"];
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(TinyModel.WithTokenizer, "tokenizer.json"), Path.Combine(other, "tokenizer.json"));
        string settings = File.ReadAllText(Path.Combine(TinyModel.WithTokenizer, "tokenizer_config.json"));
        File.WriteAllText(Path.Combine(other, "tokenizer_config.json"), settings.Replace("<eos>", "<pad>", StringComparison.Ordinal));
        CliRun.Of([.. TextArgs(), "--max-steps", "1", "--tokenizer", other]).Ok();
        Directory.Delete(other, recursive: true);
        string[] args = ["train", "--config", Path.Combine(_folder["out"], "run.yaml"), "--resume", "--max-steps", "2"];
        CliRun.Of([.. args, "--tokenizer", TinyModel.WithTokenizer]).AssertError(1, "other data");

        CliRun.Of(args).Ok();

        string saved = File.ReadAllText(Path.Combine(_folder["out"], "checkpoint-2", "tokenizer_config.json"));
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["out"], "checkpoint-1", "tokenizer_config.json")), saved);
        Assert.NotEqual(settings, saved);
    }

    private string[] TextArgs()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "texts.jsonl", ["""{"text": "SELECT stones"}"""]);
        return [.. Args("out", dataset: rows).Select(arg => arg == TinyModel.Folder ? TinyModel.WithTokenizer : arg)];
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

    private string[] Contents(string output) =>
    [
        .. Directory.GetFiles(_folder[output], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => file + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))),
    ];

    private byte[] Adapter(string output) => File.ReadAllBytes(Path.Combine(_folder[output], "adapter_model.safetensors"));
}
