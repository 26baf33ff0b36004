using Lapidary.Engine;

namespace Lapidary.Cli.Tests;

/// <summary>Every mistake has its exit code and says what to do.</summary>
public sealed class ErrorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("trian", "Did you mean train?")]
    [InlineData("train --modle x", "there is no option or command --modle", "Did you mean --model?")]
    [InlineData("train --model", "--model")]
    [InlineData("train --model --dataset x", "--model")]
    [InlineData("train --model --datset x", "the option --datset")]
    [InlineData("train", "--model (or --adapter)")]
    [InlineData(
        "train --per-device-train-batch-size 0", "--per-device-train-batch-size: expected a whole number from 1 to 4096, found \"0\"")]
    [InlineData("train --learning-rate fast", "--learning-rate: expected a number")]
    [InlineData("train --lr-scheduler-type linar", "constant, constant_with_warmup, linear or cosine")]
    [InlineData("train --packing maybe", "true or false")]
    [InlineData("train --quantization int8", "none or nf4")]
    [InlineData("train --seed 1 --seed x", "--seed")]
    [InlineData("train extra", "extra")]
    [InlineData("generate --model x", "--prompt (or --messages, --input-ids, --dataset) is missing")]
    [InlineData("merge --max-shard-size big", "--max-shard-size")]
    [InlineData("tokenize --model x", "--text (or --file) is missing")]
    [InlineData("score --device gpu", "cuda:N")]
    public void WrongUsage_Is2(string line, params string[] words)
    {
        var run = CliRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        run.AssertError(2, [.. words, "--help"]);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public void NoCommand_IsAnsweredWithTheHelp()
    {
        var run = CliRun.Of();
        Assert.Equal(2, run.ExitCode);
        Assert.Equal("", run.Out);
        Assert.Contains("Usage: lapidary COMMAND", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingModel_SaysHowToGetIt()
    {
        CliRun.Of("score", "--model", _folder["none"], "--dataset", "x").AssertError(1, "none", "expected a model folder");
        CliRun.Of("score", "--model", "no-one/no-model", "--dataset", "x")
            .AssertError(1, "no-one/no-model", "offline", "no folder no-one/no-model");
    }

    [Fact]
    public void AnotherModelFamily_IsRefused()
    {
        File.WriteAllText(_folder["config.json"], """{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}""");
        CliRun.Of("score", "--model", _folder.Path, "--dataset", "x").AssertError(1, "config.json", "llama");
    }

    [Theory]
    [InlineData("", "at least one row")]
    [InlineData("{\"input_ids\": [1, 2]}\n{\"input_ids\": [1, 5000]}", "line 2", "5000")]
    [InlineData("{\"input_ids\": [1, 2]}\n{\"input_ids\": [1, 2", "line 2")]
    [InlineData("{\"text\": \"a\"}", "line 1", "tokenizer.json")]
    [InlineData("{\"what\": 1}", "line 1", "what")]
    public void BadRows_NameFileAndLine(string content, params string[] words)
    {
        File.WriteAllText(_folder["rows.jsonl"], content);
        CliRun.Of("score", "--model", TinyModel.Folder, "--dataset", _folder["rows.jsonl"]).AssertError(1, [.. words, "rows.jsonl"]);
        CliRun.Of("train", "--model", TinyModel.Folder, "--dataset", _folder["rows.jsonl"], "--output-dir", _folder["out"])
            .AssertError(1, [.. words, "rows.jsonl"]);
    }

    [Fact]
    public void AMissingFile_IsNamed()
    {
        CliRun.Of("score", "--model", TinyModel.Folder, "--dataset", "no.jsonl").AssertError(1, "no.jsonl");
        CliRun.Of("train", "--config", "no.yaml").AssertError(1, "no.yaml");
        string rows = TinyModel.WriteRows(_folder.Path, [[1, 2]]);
        CliRun.Of("score", "--model", TinyModel.Folder, "--adapter", _folder["none"], "--dataset", rows).AssertError(1, "none");
        CliRun.Of("generate", "--model", TinyModel.WithTokenizer, "--messages", "no.json").AssertError(1, "no.json");
    }

    [Fact]
    public void AnOutputThatCannotBeWritten_IsNamedBeforeTraining()
    {
        File.WriteAllText(_folder["file"], "");
        string rows = TinyModel.WriteRows(_folder.Path, [[1, 2]]);
        string output = Path.Combine(_folder["file"], "out");
        CliRun.Of("train", "--model", TinyModel.Folder, "--dataset", rows, "--output-dir", output).AssertError(1, "file");
        CliRun.Of("quantize", "--model", TinyModel.Folder, "--output", output).AssertError(1, "file");
    }

    [Fact]
    public void Cuda_ThatIsNotThere_IsOneLine()
    {
        Assert.SkipWhen(CudaBackend.WhyUnavailable() is null, "this machine has a GPU");
        CliRun.Of("generate", "--model", TinyModel.Folder, "--device", "cuda:0", "--input-ids", "2")
            .AssertError(1, "driver", "--device cpu");
    }

    /// <summary>A run's file from another machine.</summary>
    [Fact]
    public void Cuda_OfAFile_ThatIsNotThere_NamesTheFile()
    {
        string file = _folder["of-another-machine.yaml"], rows = TinyModel.WriteRows(_folder.Path, [[1, 2]]);
        File.WriteAllText(file, $"model: {TinyModel.Folder}\ndevice: cuda:99\n");
        string place = $"{file}, line 2: device cuda:99";
        CliRun.Of("train", "--config", file, "--dataset", rows, "--output-dir", _folder["out"]).AssertError(1, $"{place}: ");
        CliRun.Of("plan", "--config", file).AssertError(2, $"{place} is not on this machine; give the memory to plan for");
        CliRun.Of("plan", "--config", file, "--device", "cuda:98").AssertError(2, "--device cuda:98 is not on this machine");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void AFault_AsksForAReport()
    {
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = LapidaryTool.Run(["doctor"], new Output.Terminal(TextReader.Null, new Faulty(), error));
        Assert.Equal(1, exitCode);
        Assert.Equal(
            "lapidary: unexpected InvalidOperationException: faulty Please report this.\nSet LAPIDARY_DEBUG=1 to see where.\n",
            error.ToString());
    }

    [Fact]
    public void Values_MayBeNegativeOrBeginWithAnAt()
    {
        CliRun.Of("train", "--max-steps", "-1", "--learning-rate=1e-3").AssertError(2, "--model (or --adapter)");
        CliRun.Of("generate", "--model", TinyModel.WithTokenizer, "--prompt", "@stones", "--max-new-tokens", "1", "--threads", "1").Ok();
    }

    [Fact]
    public void AMessage_StaysOnOneLineWhateverTheNameHolds()
    {
        var run = CliRun.Of("score", "--model", "a\u001b[2Jb\nc", "--dataset", "x");
        run.AssertError(1, "\\u001b[2Jb c");
        Assert.DoesNotContain('\u001b', run.Error);
    }

    private sealed class Faulty : StringWriter
    {
        public override void WriteLine(string? value) => throw new InvalidOperationException("faulty");
    }
}
