namespace Lapidary.Cli.Tests.Commands;

/// <summary>A folder with a run keeps it.</summary>
public sealed class TrainFolderTests : TrainRuns
{
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
    public void Train_IntoItsModelsFolder_IsRefused() =>
        CliRun.Of([.. Args("out", rows: 2).Select(arg => arg == _folder["out"] ? TinyModel.Folder + "/" : arg), "--max-steps", "1"])
            .AssertError(1, "is the same folder as");

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
}
