namespace Lapidary.Cli.Tests.Commands;

/// <summary>The ways on from a run that trained all weights, ended or not: what is printed runs as printed.</summary>
public sealed class TrainFullNextTests : TrainRuns
{
    [Fact]
    public void EveryNextCommand_Runs()
    {
        var run = CliRun.Of([.. Full("out"), "--max-steps", "1", "--model", TinyModel.WithTokenizer]).Ok();
        string[] next = [.. run.Out.Split('\n').SkipWhile(line => !line.StartsWith("next", StringComparison.Ordinal))
            .Where(line => line.Length > 0).Select(line => line[11..])];
        Assert.Equal(
            [
                $"lapidary generate --model {_folder["out"]} --input-ids 10,13,16,19,22,25,28,31",
                $"lapidary quantize --model {_folder["out"]} --output {_folder["out"]}-4bit",
                $"lapidary export gguf --model {_folder["out"]} --output {_folder["out"]}.gguf",
            ],
            next);
        Assert.All(next, command => CliRun.Of(command.Split(' ')[1..]).Ok());
    }

    [Fact]
    public void AnInterruptedRun_SaysHowToGoOn_AndItsCheckpointIsAModel()
    {
        string[] saving = ["--save-strategy", "steps", "--save-steps", "2", "--max-steps", "6"];
        var half = CliRun.InterruptedAt("checkpoint-2", [.. Full("out"), .. saving]);
        string run = Path.Combine(_folder["out"], "run.yaml");
        Assert.Contains($"go on with: lapidary train --config {run} --resume\n", half.Error, StringComparison.Ordinal);

        string newest = Directory.GetDirectories(_folder["out"], "checkpoint-*").MaxBy(folder => folder)!;
        CliRun.Of("generate", "--model", _folder["out"], "--input-ids", "2").AssertError(
            1, $"{_folder["out"]}: expected a model (config.json), found only checkpoints of a run that has not ended; give one, such as "
                + $"--model {newest}.");
        CliRun.Of([.. Args("other"), "--adapter", _folder["out"]]).AssertError(
            1, "found checkpoints of a run with --method full that has not ended", $"--model {newest}, without --adapter.");
        CliRun.Of([.. Args("other"), "--adapter", newest]).AssertError(
            1, $"{newest}: expected an adapter, found a checkpoint of a run with --method full, which is a whole model; give it as --model "
                + $"{newest}, without --adapter, or go on with that run: lapidary train --config {run} --resume {newest}.");
        CliRun.Of("train", "--config", run, "--resume", "--learning-rate", "2e-3").AssertError(
            1, "--learning-rate is 0.002 here, 0.001 in the checkpoint",
            $"begin a new run with its weights: use --model {newest} and choose another --output-dir.");

        // As the message says.
        CliRun.Of("train", "--config", run, "--learning-rate", "2e-3", "--model", newest, "--output-dir", _folder["new"]).Ok();
        CliRun.Of("train", "--config", run, "--resume", newest).Ok();
        Assert.Equal(6, State("out").GlobalStep);
    }

    [Fact]
    public void AResult_NeedsNoMerge_AndHasNoBaseInside()
    {
        CliRun.Of([.. Full("out"), "--max-steps", "1"]).Ok();
        string takes = "is a whole model, with nothing to merge; generate, chat, eval, quantize and export take it as --model "
            + $"{_folder["out"]}.";
        CliRun.Of("merge", "--adapter", _folder["out"], "--output", _folder["m"]).AssertError(
            1, $"of a run with --method full: it {takes}");
        CliRun.Of("merge", "--model", _folder["out"], "--output", _folder["m"]).AssertError(
            2, $"--adapter is missing; {_folder["out"]} {takes}");
        string rows = TinyModel.WriteLines(_folder.Path, "sql.jsonl",
            ["""{"sql_prompt": "How many?", "sql_context": "CREATE TABLE t (a INT);", "sql": "SELECT COUNT(*) FROM t"}"""]);
        string[] eval = ["eval", "--dataset", rows, "--tokenizer", TinyModel.WithTokenizer, "--max-new-tokens", "1"];
        CliRun.Of([.. eval, "--model", _folder["out"], "--with-base"]).AssertError(
            2, $"--with-base leaves out the adapter, and {_folder["out"]} has none",
            "--predictions before.jsonl --predictions after.jsonl.");
    }

    /// <summary>The run that would be overwritten holds the weights to start from.</summary>
    [Fact]
    public void ACheckpointOfTheFolderToOverwrite_IsNotTrainedOnFrom()
    {
        CliRun.Of([.. Full("out"), "--max-steps", "1"]).Ok();
        string[] before = Contents("out");
        string checkpoint = Path.Combine(_folder["out"], "checkpoint-1");
        CliRun.Of([.. Full("out"), "--model", checkpoint, "--overwrite-output-dir"]).AssertError(
            1, $"{checkpoint}: is a part of the run in {_folder["out"]}, which would be deleted with it; choose another --output-dir.");
        Assert.Equal(before, Contents("out"));
    }

    [Fact]
    public void Plan_SpeaksOfAllWeights()
    {
        string[] plan = ["plan", "--size", "1b", "--device", "cpu", "--method", "full"];
        string text = CliRun.Of([.. plan, "--memory", "4GiB"]).Ok().Out;
        Assert.Contains("parameters: all weights, in float32", text, StringComparison.Ordinal);
        Assert.Contains("base: its own norms", text, StringComparison.Ordinal);
        Assert.Contains("take 14.9 GiB whatever the other options are: it takes a smaller model", text, StringComparison.Ordinal);
        text += CliRun.Of([.. plan, "--memory", "18GiB", "--max-length", "40000"]).Ok().Out;
        Assert.Contains("less memory is taken with a smaller --max-length or a smaller model", text, StringComparison.Ordinal);
        Assert.Contains("or use --method lora.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("--modules-to-save", text, StringComparison.Ordinal);
        Assert.DoesNotContain("nf4", text, StringComparison.Ordinal);
        Assert.DoesNotContain("frozen", text, StringComparison.Ordinal);
    }
}
