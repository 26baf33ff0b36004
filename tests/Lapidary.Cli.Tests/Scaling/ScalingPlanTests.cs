namespace Lapidary.Cli.Tests.Scaling;

public sealed class ScalingPlanTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly string[] Gpu = ["plan", "--device", "cuda", "--memory", "76GiB"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plan_OfSeveralRanks_ShowsWhatTheyCostAndGain()
    {
        var run = CliRun.Of([.. Gpu, "--size", "1b", "--world-size", "16", "--link", "400G", "--step-ms", "35"]).Ok();
        string[] words =
        [
            "ranks      16 on 2 machines, joined by 400G (44 GB/s)",
            "batch      1 per device × accumulation 4 × 16 ranks = 64 rows, 32,768 tokens an optimizer step",
            "1.1 GiB of saved modules reduce-scattered", "ms, none of it beside the next step's layers",
            "35.0 ms of one rank alone, less", "512 ranks",
        ];
        Assert.All(words, word => Assert.Contains(word, run.Out, StringComparison.Ordinal));
        Assert.Contains("note       an optimizer step exchanges the same", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("estimated", run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_OfOneMachine_SaysThatItsRanksAreThreads_AndWhatProcessesTake()
    {
        var run = CliRun.Of([.. Gpu, "--size", "1b", "--world-size", "2", "--step-ms", "35"]).Ok();
        Assert.Contains("ms of it beside the next step's layers", run.Out, StringComparison.Ordinal);
        Assert.Contains(
            "threads of one process (--device cuda:all), whose GPUs read each other's memory; as processes, a step takes 37.5 ms, 93 %.",
            run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_OfSeveralRanks_IsJsonToo()
    {
        var json = CliRun.Of([.. Gpu, "--size", "1b", "--world-size", "8", "--step-ms", "35", "--json"]).Ok().Json;
        var scaling = json.GetProperty("scaling");
        Assert.Equal(1_207_959_552, scaling.GetProperty("reduce_scatter_bytes").GetInt64());
        Assert.Equal(35e-3, scaling.GetProperty("rank_step_seconds").GetDouble());
        Assert.Equal("nvlink", scaling.GetProperty("link").GetString());
        Assert.InRange(scaling.GetProperty("efficiency").GetDouble(), 0.94, 1);
        Assert.True(scaling.GetProperty("gathers_beside_layers").GetBoolean());

        // Two links inside a node at 2, 4 and 8 ranks, three between nodes at 64 and 512.
        var table = scaling.GetProperty("table").EnumerateArray().ToArray();
        Assert.Equal(2 * 3 + 3 * 2, table.Length);
        Assert.All(table, row => Assert.Equal(
            row.GetProperty("link").GetString() == "nvlink", row.GetProperty("gathers_beside_layers").GetBoolean()));
        var same = table.Single(row => row.GetProperty("link").GetString() == "nvlink" && row.GetProperty("world_size").GetInt32() == 8);
        Assert.Equal(scaling.GetProperty("step_seconds").GetDouble(), same.GetProperty("step_seconds").GetDouble());

        // A rank keeps the moments of its own part alone.
        var alone = CliRun.Of([.. Gpu, "--size", "1b", "--world-size", "1", "--json"]).Ok().Json;
        long bytes = scaling.GetProperty("rank_predicted_bytes").GetInt64();
        Assert.Equal(json.GetProperty("predicted_bytes").GetInt64(), bytes);
        long moments = 2 * 1_207_959_552L * 7 / 8;
        Assert.InRange(alone.GetProperty("predicted_bytes").GetInt64() - bytes, moments - (1 << 20), moments + (1 << 20));
    }

    [Fact]
    public void Plan_OfOneRank_SaysNothingOfSeveral() =>
        Assert.False(CliRun.Of([.. Gpu, "--size", "1b", "--world-size", "1", "--json"]).Ok().Json.TryGetProperty("scaling", out _));

    /// <summary>Steps measured on one H100, docs/benchmarks.md.</summary>
    [Theory]
    [InlineData("1b", 1, 4, 512, "auto", true, 35.0)]
    [InlineData("1b", 1, 4, 512, "auto", false, 28.7)]
    [InlineData("1b", 32, 1, 512, "auto", false, 167.2)]
    [InlineData("4b", 8, 1, 1024, "auto", false, 271.7)]
    [InlineData("12b", 4, 1, 512, "auto", false, 184.1)]
    [InlineData("270m", 1, 1, 512, "auto", false, 7.0)]
    [InlineData("1b", 1, 4, 512, "true", true, 68.8)]
    [InlineData("4b", 8, 1, 1024, "true", false, 475)]
    [InlineData("27b", 4, 1, 512, "true", false, 742)]
    public void EstimatedStep_IsSixtyToHundredPercentOfTheMeasured(
        string size, int batch, int accumulation, int length, string checkpointing, bool guide, double milliseconds)
    {
        string[] saved = guide ? [] : ["--modules-to-save", "none"];
        string[] options =
        [
            "--size", size, "--per-device-train-batch-size", $"{batch}", "--gradient-accumulation-steps", $"{accumulation}",
            "--max-length", $"{length}", "--gradient-checkpointing", checkpointing, "--world-size", "2", "--json", .. saved,
        ];
        var scaling = CliRun.Of([.. Gpu, .. options]).Ok().Json.GetProperty("scaling");
        Assert.True(scaling.GetProperty("rank_step_is_estimate").GetBoolean());
        Assert.InRange(scaling.GetProperty("rank_step_seconds").GetDouble() * 1000, milliseconds * 0.58, milliseconds * 1.02);
    }

    [Fact]
    public void Plan_OverRows_CountsStepsOfAnEpoch_AndSaysWhereRanksAreIdle()
    {
        var run = CliRun.Of(
            "plan", "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(10)), "--device", "cpu",
            "--threads", "1", "--packing", "false", "--max-length", "16", "--per-device-train-batch-size", "1",
            "--gradient-accumulation-steps", "1", "--world-size", "4", "--link", "5GB/s", "--step-ms", "100", "--json").Ok();
        var scaling = run.Json.GetProperty("scaling");
        Assert.Equal(4, scaling.GetProperty("batch_rows").GetInt64());
        Assert.Equal(3, scaling.GetProperty("steps_per_epoch").GetInt64());
        Assert.Equal(5, scaling.GetProperty("table").GetArrayLength());
        Assert.DoesNotContain("assumed", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--link pcie", "--link is about several ranks: expected --world-size 2 or more")]
    [InlineData("--step-ms 3 --world-size 1", "--step-ms is about several ranks")]
    [InlineData("--world-size 0", "--world-size: expected a whole number from 1 to ")]
    [InlineData("--world-size 2 --link fast", "--link: expected nvlink, pcie, 100G")]
    [InlineData("--world-size 2 --step-ms 0", "--step-ms: expected a number from 0.001")]
    public void Plan_RefusesWhatSaysNothing(string options, string words) =>
        CliRun.Of([.. Gpu, "--size", "1b", .. options.Split(' ')]).AssertError(2, words);

    [Theory]
    [InlineData("--step-ms 100", "nothing is known of several devices such as CPU", "expected --link, such as --link 5GB/s")]
    [InlineData("--link 5GB/s", "expected --step-ms, as bench measures it", "--device cuda")]
    public void Plan_OfSeveralCpus_AsksForWhatIsNotKnown(string options, params string[] words) =>
        CliRun.Of(["plan", "--size", "270m", "--device", "cpu", "--world-size", "2", .. options.Split(' ')]).AssertError(2, words);
}
