namespace Lapidary.Cli.Tests.CommandLine;

public sealed class RunFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CliRun Train(string yaml, params string[] more)
    {
        File.WriteAllText(_folder["run.yaml"], yaml);
        string rows = TinyModel.WriteRows(_folder.Path, [[5, 6, 7]]);
        return CliRun.Of(["train", "--config", _folder["run.yaml"], "--model", TinyModel.Folder, "--dataset", rows, "--preview", .. more]);
    }

    [Theory]
    [InlineData("learning_rat: 1", "run.yaml, line 1", "did you mean learning_rate?")]
    [InlineData("seed: 1\n\nlearning_rate: fast", "run.yaml, line 3", "learning_rate: expected a number", "\"fast\"")]
    [InlineData("seed: 1\nseed: 2", "line 2", "given twice")]
    [InlineData("fp16: true\ndtype: bfloat16", "line 2", "dtype is given twice")]
    [InlineData("dtype: bfloat16\nfp16: true", "line 2", "dtype is given twice")]
    [InlineData("- a", "line 1", "expected keys and values")]
    [InlineData("seed: {a: 1}", "line 1", "seed: expected a value")]
    [InlineData("max_length: null", "line 1", "max_length: expected a number of tokens, found null", "longest row")]
    [InlineData("push_to_hub: maybe", "line 1", "push_to_hub: expected true or false")]
    [InlineData("optim: sgd", "adamw_torch")]
    [InlineData("a: 1\n---\nb: 2", "line")]
    public void AMistake_NamesFileAndLine(string yaml, params string[] words) => Train(yaml).AssertError(1, words);

    /// <summary>Each line has the place and what to do, and no word of the parser's grammar.</summary>
    [Theory]
    [InlineData("seed: [1\npacking: true", "line 1, column 7: found [ that is not closed; close it with ]")]
    [InlineData("seed: 1\nlora_r:16\nlora_alpha: 8", "line 2, column 8: found no space after the colon", "; write \"lora_r: 16\"")]
    [InlineData("seed: 1\nlora_r:16", "line 2, column 8: found no space")]
    [InlineData("lora_r:16", "line 1, column 8: found no space")]
    [InlineData("seed: 1\n\tlora_r: 16", "line 2, column 1: found a tab before the text; indent with spaces")]
    [InlineData("seed: 1\n  lora_r: 16", "line 2, column 3: found a line that begins further right", "in one column")]
    [InlineData("  seed: 1\nlora_r: 16", "line 2, column 1: found a line that begins further left", "in one column")]
    [InlineData("seed: 1\noptim: \"a\nlora_r: 16", "line 2, column 8: found \" that is not closed")]
    [InlineData("optim: 'it's'\nlora_r: 16", "line 1, column 11: found text after the closing '; write ''")]
    [InlineData("output_dir: \"C:\\data\"", "line 1, column 16: found a backslash in double quotes", "in single quotes")]
    [InlineData("output_dir: a: b", "line 1, column 14: found a second colon with a space", "in single quotes")]
    [InlineData("output_dir: @a", "line 1, column 13: found a value that begins with @", "in single quotes")]
    [InlineData("output_dir: *a", "line 1: output_dir: expected a value, found *a", "in single quotes")]
    [InlineData("seed: 1\npacking\nlora_r: 16", "line 2, column 1: found \"packing\" without a colon; write \"key: value\"")]
    [InlineData("seed = 1", "line 1, column 1: found \"seed = 1\" without a colon")]
    [InlineData("{\"seed\": 1 \"lora_r\": 2}", "run.yaml, line 1, column ", "check the quotes, brackets and indentation here")]
    public void AFaultInTheText_IsToldInWordsOfSettings(string yaml, params string[] words)
    {
        var run = Train(yaml);
        run.AssertError(1, words);
        Assert.DoesNotMatch("scalar|parsing|scanning|token|mapping", run.Error);
    }

    [Fact]
    public void TheGuidesSettings_AreTakenAsTheyAre() => Train("""
        output_dir: gemma-text-to-sql
        max_seq_length: 512
        packing: True
        num_train_epochs: 3
        per_device_train_batch_size: 1
        gradient_accumulation_steps: 4
        gradient_checkpointing: true
        optim: adamw_torch_fused
        logging_steps: 10
        save_strategy: epoch
        learning_rate: 2e-4
        bf16: true
        max_grad_norm: 0.3
        warmup_ratio: 0.03
        lr_scheduler_type: constant
        push_to_hub: False
        report_to: tensorboard
        dataset_kwargs: {add_special_tokens: false, append_concat_token: true}
        lora_alpha: 16
        lora_dropout: 0.05
        r: 16
        bias: none
        target-modules: all-linear
        task_type: CAUSAL_LM
        modules_to_save: [lm_head, embed_tokens]
        adapter: null
        """).Ok();

    [Fact]
    public void TheCommandLine_GoesFirst()
    {
        Train("max_length: 2\npacking: false", "--max-length", "3").Ok();
        string cut = Train("max_length: 2\npacking: false").Ok().Out;
        Assert.Contains("cut 1 row (1 token)", cut, StringComparison.Ordinal);
    }

    /// <summary>A flag that the command line turns off does not count in the file, whatever name the file has for it; other values of its
    /// setting stay.</summary>
    [Theory]
    [InlineData("fp16: true", "--fp16 no", "dtype: auto")]
    [InlineData("fp16: true", "--no-fp16", "dtype: auto")]
    [InlineData("dtype: float16", "--fp16=false", "dtype: auto")]
    [InlineData("dtype: bfloat16", "--fp16 false", "dtype: bfloat16")]
    [InlineData("fp16: true", "--fp16 false --fp16", "dtype: float16")]
    [InlineData("fp16: false\ndtype: float16", "--use-cpu false", "dtype: float16")]
    [InlineData("fp16: true", "", "dtype: float16")]
    public void AFlagOfAnotherTool_IsTurnedOffByTheCommandLine(string yaml, string line, string expected)
    {
        Run(yaml, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        string[] dtypes = [.. File.ReadLines(_folder["out/run.yaml"]).Where(each => each.StartsWith("dtype:", StringComparison.Ordinal))];
        Assert.Equal([expected], dtypes);
    }

    /// <summary>Its keys stay keys: the reader corrects the file.</summary>
    [Fact]
    public void AMistake_NamesTheKeyOfTheFile()
    {
        var run = Train("max_length: long");
        run.AssertError(1, "run.yaml, line 1: max_length: expected a whole number");
        Assert.DoesNotContain("--", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void NoModulesToSave_IsNull()
    {
        string text = Run("modules_to_save: null");
        Assert.DoesNotContain("embed_tokens", text, StringComparison.Ordinal);
        Assert.Contains("modules_to_save: none", File.ReadAllText(Path.Combine(_folder["out"], "run.yaml")), StringComparison.Ordinal);
    }

    private string Run(string yaml, params string[] more)
    {
        File.WriteAllText(_folder["run.yaml"], yaml);
        string rows = TinyModel.WriteRows(_folder.Path, [[5, 6, 7]]);
        return CliRun.Of([
            "train", "--config", _folder["run.yaml"], "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", _folder["out"],
            "--max-steps", "1", "--max-length", "8", "--threads", "1", .. more,
        ]).Ok().Out;
    }
}
