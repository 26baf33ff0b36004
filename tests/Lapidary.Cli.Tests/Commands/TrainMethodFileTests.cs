namespace Lapidary.Cli.Tests.Commands;

/// <summary>A file of settings for one method beside the other one.</summary>
public sealed class TrainMethodFileTests : TrainRuns
{
    private const string LeftOut = "leaves out \"quantization, double_quant, lora_r, lora_alpha, lora_dropout, target_modules, "
        + "modules_to_save, use_rslora, ensure_weight_tying\", which are LoRA's.";

    [Fact]
    public void AFileOfALoraRun_GivesAFullOneItsData_AndNoLearningRate()
    {
        CliRun.Of([.. Args("lora"), "--max-steps", "1"]).Ok();
        string file = Path.Combine(_folder["lora"], "run.yaml");
        string[] again = ["train", "--config", file, "--method", "full", "--output-dir", _folder["full"]];
        CliRun.Of(again).AssertError(
            1, $"{file}: its learning_rate 0.005 is for method lora, found --method full", "--learning-rate 2E-05.");
        Assert.False(Directory.Exists(_folder["full"]));

        var run = CliRun.Of([.. again, "--learning-rate", "1e-4"]).Ok();
        Assert.Contains($"note       {file}: --method full {LeftOut}\n", run.Error, StringComparison.Ordinal);
        Assert.Equal(1e-4, State("full").LogHistory[0].LearningRate);
        Assert.Equal(State("lora").NumTokens, State("full").NumTokens);

        // A plan has no learning rate, and the file of the new run is of its own method.
        CliRun.Of("plan", "--config", file, "--method", "full", "--device", "cpu").Ok();
        CliRun.Of("train", "--config", Path.Combine(_folder["full"], "run.yaml"), "--method", "full", "--output-dir", _folder["more"]).Ok();
    }

    [Fact]
    public void AFileOfAFullRun_GivesALoraOneNeitherLearningRateNorBits()
    {
        CliRun.Of([.. Full("full"), "--max-steps", "1"]).Ok();
        string file = Path.Combine(_folder["full"], "run.yaml");
        string[] again = ["train", "--config", file, "--method", "lora", "--output-dir", _folder["lora"]];
        CliRun.Of(again).AssertError(
            1, "its learning_rate 0.001 and quantization none are for method full, found --method lora",
            "--learning-rate 0.0002 and --quantization nf4.");
        CliRun.Of([.. again, "--learning-rate", "1e-3"]).AssertError(1, "its quantization none is for method full", "--quantization nf4.");
        CliRun.Of([.. again, "--learning-rate", "1e-3", "--quantization", "nf4"]).Ok();
        Assert.True(File.Exists(Path.Combine(_folder["lora"], "adapter_model.safetensors")));
    }

    [Fact]
    public void AnAdapterInTheFile_IsNotForgotten()
    {
        CliRun.Of([.. Args("first"), "--max-steps", "1"]).Ok();
        string[] second = [.. Args("second").Where((_, i) => i is not (>= 13 and <= 16))]; // without the settings of a new adapter
        CliRun.Of([.. second, "--adapter", _folder["first"], "--max-steps", "1"]).Ok();
        string file = Path.Combine(_folder["second"], "run.yaml");
        CliRun.Of("train", "--config", file, "--method", "full", "--learning-rate", "1e-4", "--output-dir", _folder["full"])
            .AssertError(1, ": adapter: --method full starts from a whole model; merge the adapter first");
    }

    /// <summary>The guide's settings, with a model and rows that are here.</summary>
    [Fact]
    public void ARecipe_TrainsAllWeights()
    {
        const string Recipe = "gemma-3-270m-text-to-sql";
        string rows = TinyModel.WriteLines(_folder.Path, "sql.jsonl",
            ["""{"sql_prompt": "How many?", "sql_context": "CREATE TABLE t (a INT);", "sql": "SELECT COUNT(*) FROM t"}"""]);
        string[] command =
        [
            "train", "--config", Recipe, "--method", "full", "--model", TinyModel.WithTokenizer, "--tokenizer", TinyModel.WithTokenizer,
            "--dataset", rows, "--select", "0", "--test-size", "0", "--push-to-hub", "false", "--max-steps", "1", "--threads", "1",
            "--output-dir", _folder["out"],
        ];
        CliRun.Of(command).AssertError(1, $"{Recipe}: its learning_rate 2e-4 is for method lora, found --method full");
        var run = CliRun.Of([.. command, "--learning-rate", "1e-3"]).Ok();
        Assert.Contains(
            $"note       {Recipe}: --method full leaves out \"quantization, double_quant, r, lora_alpha, lora_dropout, target_modules, "
            + "modules_to_save\", which are LoRA's.\n",
            run.Error, StringComparison.Ordinal);
        Assert.Contains("weights    all of them", run.Out, StringComparison.Ordinal);
    }

    /// <summary>The message has the file's own word, in its line.</summary>
    [Theory]
    [InlineData("method: full\nr: 8", "line 3: r: method full has no LoRA matrices; leave the key out, or use --method lora.")]
    [InlineData("use_peft: false\nload_in_4bit: true", "line 3: load_in_4bit: method full trains the base's own weights; leave the key")]
    [InlineData("method: full\nadapter: here", "line 3: adapter: --method full starts from a whole model; merge the adapter first")]
    [InlineData("use_peft: true\nmethod: full", "line 3: method is given twice")]
    public void AFileThatContradictsItself_IsRefusedByItsOwnKey(string lines, string words)
    {
        string file = TinyModel.WriteLines(_folder.Path, "my.yaml", [$"model: {TinyModel.Folder}", .. lines.Split('\n')]);
        CliRun.Of("train", "--config", file, "--dataset", Rows(2), "--output-dir", _folder["out"]).AssertError(1, $"{file}, {words}");
    }

    [Theory]
    [InlineData("--use_peft false", "full")]
    [InlineData("--no-use-peft", "full")]
    [InlineData("--use_peft", "lora")]
    public void UsePeft_ChoosesTheMethod(string words, string method)
    {
        CliRun.Of([.. Full("out").Where((_, i) => i is not (1 or 2)), "--max-steps", "1", .. words.Split(' ')]).Ok();
        Assert.Contains($"method: {method}", File.ReadAllLines(Path.Combine(_folder["out"], "run.yaml")));
    }
}
