using Lapidary.Gemma;

namespace Lapidary.Cli.Tests.Commands;

public sealed class PlanTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plan_OfASize_NeedsNoModelNoRowsAndNoGpu()
    {
        var json = CliRun.Of("plan", "--size", "1b", "--device", "cuda", "--memory", "24GiB", "--json").Ok().Json;
        Assert.True(json.GetProperty("fits").GetBoolean());
        long predicted = json.GetProperty("predicted_bytes").GetInt64();
        Assert.Equal(predicted, json.GetProperty("parts").EnumerateObject().Sum(part => part.Value.GetInt64()));
        Assert.InRange(predicted, 5L << 30, json.GetProperty("budget_bytes").GetInt64());
        Assert.InRange(json.GetProperty("parts").GetProperty("decoded_weights").GetInt64(), 1L << 30, 2L << 30);
        Assert.Equal(4, json.GetProperty("rows_per_run").GetInt32());
        Assert.Equal(0, json.GetProperty("recomputed_layers").GetInt32());
        Assert.InRange(json.GetProperty("largest_per_device_train_batch_size").GetInt32(), 4, 4096);
    }

    [Fact]
    public void Plan_ShowsPartsAndChoices()
    {
        string text = CliRun.Of("plan", "--size", "27b", "--device", "cuda", "--memory", "24GiB", "--modules-to-save", "none").Ok().Out;
        string[] parts = ["62 layers", "base", "gradients", "activations", "workspace"];
        string[] choices = ["4 micro-batches of 512 tokens run as one of 2,048", "of 62 layers computed again"];
        Assert.All(
            [.. parts, .. choices],
            words => Assert.Contains(words, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_OfTheSameOptions_IsWhatTrainMeasures()
    {
        string[] options =
        [
            "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(8)), "--threads", "2",
            "--device", "cpu", "--packing", "false", "--max-length", "16", "--test-size", "2", "--gradient-accumulation-steps", "2",
        ];
        var plan = CliRun.Of(["plan", .. options, "--json"]).Ok().Json;

        var train = CliRun.Of(["train", .. options, "--output-dir", _folder["out"], "--max-steps", "2", "--json"]).Ok();

        Assert.Contains("memory     predicted", train.Error, StringComparison.Ordinal);
        Assert.Contains("note       2 micro-batches of 64 tokens run as one of 64.", train.Error, StringComparison.Ordinal);
        double predicted = plan.GetProperty("predicted_bytes").GetDouble();
        Assert.Equal(predicted, train.Json.GetProperty("predicted_bytes").GetDouble(), predicted / 20);
        Assert.Equal(predicted, train.Json.GetProperty("peak_bytes").GetDouble(), predicted / 20);
    }

    [Fact]
    public void Plan_ReadsConfigJsonAlone()
    {
        File.Copy(Path.Combine(TinyModel.Folder, GemmaConfig.FileName), Path.Combine(_folder.Path, GemmaConfig.FileName));
        Assert.Equal(7, CliRun.Of("plan", "--model", _folder.Path, "--device", "cpu", "--json").Ok().Json.GetProperty("layers").GetInt32());
    }

    [Fact]
    public void Plan_ForADeviceThatIsNotHere_AsksForItsMemory() =>
        CliRun.Of("plan", "--size", "1b", "--device", "cuda:99").AssertError(2, "--memory");

    [Theory]
    [InlineData("", "--size (or --model, --adapter) is missing")]
    [InlineData("--size 13b", "--size: expected 270m, 1b, 4b, 12b, 27b, found \"13b\"")]
    [InlineData("--size 1b --model x", "no --model")]
    [InlineData("--size 1b --dataset x", "no --dataset")]
    [InlineData("--size 1b --memory lots", "--memory: expected a size")]
    [InlineData("--size 1b --memory 24", "--memory: expected 1MiB or more, such as 24GiB, found \"24\"")]
    public void Plan_RefusesWhatItCannotPlan(string line, string words) =>
        CliRun.Of(["plan", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).AssertError(2, words);

    [Theory]
    [InlineData("auto", "less memory is taken with a smaller --max-length")]
    [InlineData("false", "less memory is taken with --gradient-checkpointing auto, a smaller --max-length")]
    public void Plan_OfWhatDoesNotFit_SaysWhatHelps(string checkpointing, string words)
    {
        string text = CliRun.Of(
            "plan", "--size", "27b", "--memory", "8GiB", "--device", "cpu", "--gradient-checkpointing", checkpointing).Ok().Out;
        Assert.Contains("of 7.6 GiB that a run can take: does not fit", text, StringComparison.Ordinal);
        Assert.Contains(words, text, StringComparison.Ordinal);
    }
}
