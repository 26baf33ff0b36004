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
    public void Score_OfAFolderWithSplits_SaysWhichItReads()
    {
        foreach (string name in (string[])["train", "test"]) TinyModel.WriteRows(_folder.Path, TinyModel.Runs(2), $"{name}.jsonl");
        var score = CliRun.Of("score", "--model", TinyModel.Folder, "--dataset", _folder.Path, "--threads", "1", "--json").Ok();
        Assert.Contains("splits: train 1 file, test 1 file (not used); the train split is read", score.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Score_OfANaNInTheBase_IsAnErrorThatNamesTheFilesRow()
    {
        const string Name = "model.layers.1.self_attn.q_proj.weight";
        string model = Variant.Of(TinyModel.Folder, tensors => tensors[Name] = tensors[Name].With(element: 0, float.NaN));
        string rows = TinyModel.WriteRows(_folder.Path, [[5], [5, 6, 7], [6, 7, 8]]); // nothing is predicted in the first
        var score = CliRun.Of("score", "--model", model, "--dataset", rows, "--threads", "1", "--json");
        score.AssertError(1, "the loss of row 2 is NaN", $"tensor {Name} of the base holds NaN at element 0");
        Assert.Empty(score.Out);
        CliRun.Of("generate", "--model", model, "--input-ids", "5,6", "--threads", "1", "--json")
            .AssertError(1, "The logits after 2 tokens are not finite", Name);
    }

    [Fact]
    public void Score_OfATiedBaseWithAHeadOfItsOwn_KeepsIt_AndSaysSo()
    {
        string model = Variant.Of(TinyModel.Folder, tensors => tensors["lm_head.weight"] = Variant.Matrix(1024, 96, 0));
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(2));
        var score = CliRun.Of("score", "--model", model, "--dataset", rows, "--threads", "1", "--json").Ok();
        Assert.Equal(Math.Log(1024), score.Json.GetProperty("loss").GetDouble(), 1e-5);
        Assert.Equal(1, score.Error.Split("another lm_head").Length - 1);
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
        const string Note = "prompts are scored too; --completion-only-loss leaves them out";
        Assert.Contains(Note, CliRun.Of(score).Ok().Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Note, CliRun.Of([.. score, "--completion-only-loss"]).Ok().Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Note, CliRun.Of([.. score, "--completion-only-loss", "false"]).Ok().Error, StringComparison.Ordinal);
    }
}
