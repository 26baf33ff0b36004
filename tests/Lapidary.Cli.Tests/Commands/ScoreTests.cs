using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class ScoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Score_OfTheGoldenRows_IsTheGoldenLoss()
    {
        int[] ids = TinyModel.Ids("tiny/forward.safetensors", "short.input_ids");
        string rows = TinyModel.WriteRows(_folder.Path, ids.Chunk(40));
        var json = CliRun.Of(
            "score", "--model", TinyModel.Folder, "--dataset", rows, "--dtype", "float32", "--threads", "1", "--json").Ok().Json;

        Assert.Equal(TinyModel.Numbers("tiny/forward.safetensors", "short.loss")[0], json.GetProperty("loss").GetDouble(), 1e-4);
        Assert.Equal(78, json.GetProperty("tokens").GetInt32());
        Assert.Equal([39, 39], json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("tokens").GetInt32()));
    }

    [Theory]
    [InlineData("tiny/adapter", "tiny/lora_grad.safetensors", "input_ids", "loss", 48)]
    [InlineData("tiny/adapter", "tiny/trajectory.safetensors", "batches", "losses", 32)]
    [InlineData("tiny/adapter_tied", "tiny/trajectory_tied.safetensors", "batches", "losses", 32)]
    public void Score_WithAGoldenAdapter_IsItsLoss(string adapter, string golden, string idsName, string lossName, int length)
    {
        int[] ids = TinyModel.Ids(golden, idsName);
        string rows = TinyModel.WriteRows(_folder.Path, ids.Chunk(length).Take(2));
        var json = CliRun.Of(
            "score", "--model", TinyModel.Folder, "--adapter", Fixtures.Path(adapter), "--dataset", rows, "--dtype", "float32",
            "--threads", "1", "--json").Ok().Json;
        Assert.Equal(TinyModel.Numbers(golden, lossName)[0], json.GetProperty("loss").GetDouble(), 1e-4);
    }

    [Fact]
    public void Score_CountsOnlyTheLabelsOfARow_AndKeepsRowsWithoutAny()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
        [
            """{"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]}""", """{"input_ids": [5, 6], "labels": [5, -100]}""",
            """{"input_ids": [5, 6]}""",
        ]);
        var json = CliRun.Of("score", "--model", TinyModel.Folder, "--dataset", rows, "--threads", "1", "--json").Ok().Json;
        Assert.Equal([2, 0, 1], json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("tokens").GetInt32()));
        Assert.Equal(0, json.GetProperty("rows")[1].GetProperty("loss").GetDouble());
    }

    [Fact]
    public void Score_OfTexts_CountsCompletionsWhereAsked()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"prompt": "SELECT ", "completion": "stones"}"""]);
        string[] score = ["score", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--threads", "1", "--json"];
        int Tokens(params string[] more) => CliRun.Of([.. score, .. more]).Ok().Json.GetProperty("tokens").GetInt32();
        Assert.InRange(Tokens("--completion-only-loss"), 1, Tokens() - 1);
    }
}
