using System.Text.Json;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>train --method full, and what other commands do with its model.</summary>
public sealed class TrainFullTests : TrainRuns
{
    [Fact]
    public void Train_LeavesAModel_ThatTheNextCommandUses()
    {
        var run = CliRun.Of([.. Full("out"), "--max-steps", "6", "--test-size", "2"]).Ok();
        Assert.Contains("trained in float32", run.Out, StringComparison.Ordinal);
        Assert.Matches(@"weights +all of them: \d{3},\d{3} trained values", run.Out);
        string[] next = [.. run.Out.Split('\n').Where(line => line.StartsWith("next", StringComparison.Ordinal))];
        Assert.Contains($"lapidary generate --model {_folder["out"]} --input-ids", Assert.Single(next), StringComparison.Ordinal);
        var log = State("out").LogHistory.Where(entry => entry.Loss is not null).ToArray();
        Assert.True(log[^1].Loss < log[0].Loss - 0.1);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder["out"], "config.json")));
        Assert.Equal("bfloat16", config.RootElement.GetProperty("torch_dtype").GetString());
        CliRun.Of("generate", "--model", _folder["out"], "--input-ids", "2,10,13", "--max-new-tokens", "2").Ok();
    }

    [Fact]
    public void Train_FromItsRunFile_IsTheSameRun_AndGoesOn()
    {
        CliRun.Of([.. Full("out"), "--max-steps", "4", "--save-strategy", "steps", "--save-steps", "2"]).Ok();
        string run = Path.Combine(_folder["out"], "run.yaml");
        Assert.Contains("method: full", File.ReadAllLines(run));
        Assert.Contains("quantization: none", File.ReadAllLines(run));
        Assert.DoesNotContain(File.ReadAllLines(run), line => line.StartsWith("lora_", StringComparison.Ordinal));
        CliRun.Of("train", "--config", run, "--output-dir", _folder["again"], "--max-steps", "2").Ok();
        CliRun.Of("train", "--config", run, "--output-dir", _folder["again"], "--resume").Ok();
        Assert.Equal(Model("out"), Model("again"));
        CliRun.Of("train", "--config", run, "--resume", "--method", "lora").AssertError(
            1, "expected a checkpoint of method lora, found one of method full; use --method full, or begin a new run.");
    }

    [Fact]
    public void Train_WithFloat32_KeepsTheMastersInTheResult()
    {
        CliRun.Of([.. Full("out"), "--max-steps", "1", "--dtype", "float32"]).Ok();
        Assert.InRange(Model("out").Length, 2_900_000, 3_100_000);
    }

    [Theory]
    [InlineData("--quantization nf4", "trains the base's own weights: expected no --quantization nf4; leave it out")]
    [InlineData("--lora-r 8", "has no LoRA matrices: expected no --lora-r; leave it out, or use --method lora.")]
    [InlineData("--target-modules q_proj", "expected no --target-modules")]
    [InlineData("--modules-to-save none", "expected no --modules-to-save")]
    [InlineData("--double-quant true", "expected no --double-quant")]
    [InlineData("--adapter out", "starts from a whole model: expected no --adapter; merge the adapter first")]
    public void OptionsOfLora_AreRefusedByName(string options, string words)
    {
        CliRun.Of([.. Full("out"), .. options.Split(' ')]).AssertError(2, words);
        CliRun.Of(["plan", "--size", "270m", "--device", "cpu", "--method", "full", .. options.Split(' ')]).AssertError(2, words);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void AModelInFourBits_IsRefused()
    {
        CliRun.Of("quantize", "--model", TinyModel.Folder, "--output", _folder["nf4"]).Ok();
        CliRun.Of([.. Full("out"), "--model", _folder["nf4"]]).AssertError(
            1, "found 4 bits; give the unquantized model, or use --method lora.");
    }

    [Fact]
    public void Plan_IsWhatTrainMeasures()
    {
        string[] options = [.. Full("out").Skip(1).Where(word => word != "--output-dir" && word != _folder["out"])];
        var plan = CliRun.Of(["plan", .. options, "--device", "cpu", "--json"]).Ok().Json;
        var train = CliRun.Of([.. Full("out"), "--device", "cpu", "--max-steps", "2", "--json"]).Ok().Json;
        double predicted = plan.GetProperty("predicted_bytes").GetDouble();
        Assert.Equal(predicted, train.GetProperty("predicted_bytes").GetDouble());
        Assert.Equal(predicted, train.GetProperty("peak_bytes").GetDouble(), predicted / 20);
        var parts = plan.GetProperty("parts");
        Assert.InRange(parts.GetProperty("optimizer").GetInt64() - 2 * parts.GetProperty("gradients").GetInt64(), 0, 1 << 10);
    }

    [Fact]
    public void LearningRate_IsTrlsUnlessGiven()
    {
        string[] args = [.. Full("out").TakeWhile(word => word != "--learning-rate"), "--max-steps", "1", "--logging-steps", "1"];
        CliRun.Of(args).Ok();
        Assert.Equal(2e-5, State("out").LogHistory[0].LearningRate);
    }

    private byte[] Model(string output) => File.ReadAllBytes(Path.Combine(_folder[output], "model.safetensors"));
}
