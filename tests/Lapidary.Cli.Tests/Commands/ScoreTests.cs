namespace Lapidary.Cli.Tests.Commands;

public sealed class ScoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Score_OfTheMergedModel_IsTheGoldenLoss()
    {
        int[] ids = TinyModel.Ids("tiny/lora_grad.safetensors", "input_ids");
        string rows = TinyModel.WriteRows(_folder.Path, ids.Chunk(48));
        var json = CliRun.Of("score", "--model", Lapidary.Tests.Fixtures.Path("tiny/merged_fp32"), "--dataset", rows, "--threads", "1", "--json").Ok().Json;
        Assert.Equal(TinyModel.Numbers("tiny/lora_grad.safetensors", "loss")[0], json.GetProperty("loss").GetDouble(), 1e-4);
        Assert.Equal(94, json.GetProperty("tokens").GetInt32());
        Assert.Equal([47, 47], json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("tokens").GetInt32()));
    }

    [Fact]
    public void Score_WithTheGoldenAdapter_IsItsLoss()
    {
        int[] ids = TinyModel.Ids("tiny/lora_grad.safetensors", "input_ids");
        string rows = TinyModel.WriteRows(_folder.Path, ids.Chunk(48));
        var json = CliRun.Of(
            "score", "--model", TinyModel.Folder, "--adapter", Lapidary.Tests.Fixtures.Path("tiny/adapter"), "--dataset", rows, "--dtype", "float32", "--json",
            "--threads", "1").Ok().Json;
        Assert.Equal(TinyModel.Numbers("tiny/lora_grad.safetensors", "loss")[0], json.GetProperty("loss").GetDouble(), 1e-4);
    }

    [Fact]
    public void Score_CountsOnlyTheLabelsOfARow_AndKeepsRowsWithoutAny()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl",
            ["""{"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]}""", """{"input_ids": [5, 6], "labels": [5, -100]}""", """{"input_ids": [5, 6]}"""]);
        var json = CliRun.Of("score", "--model", TinyModel.Folder, "--dataset", rows, "--threads", "1", "--json").Ok().Json;
        Assert.Equal([2, 0, 1], json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("tokens").GetInt32()));
        Assert.Equal(0, json.GetProperty("rows")[1].GetProperty("loss").GetDouble());
    }

    [Fact]
    public void Score_OfTexts_CountsCompletionsWhereAsked()
    {
        string rows = TinyModel.WriteLines(_folder.Path, "rows.jsonl", ["""{"prompt": "SELECT ", "completion": "stones"}"""]);
        int Tokens(params string[] more) =>
            CliRun.Of(["score", "--model", TinyModel.WithTokenizer, "--dataset", rows, "--threads", "1", "--json", .. more]).Ok().Json.GetProperty("tokens").GetInt32();
        Assert.InRange(Tokens("--completion-only-loss"), 1, Tokens() - 1);
    }
}
