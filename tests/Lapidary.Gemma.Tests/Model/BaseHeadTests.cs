using Lapidary.Engine;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A checkpoint whose config.json ties the head, and which holds one.</summary>
public class BaseHeadTests
{
    private static readonly int[][] Rows = [[.. Enumerable.Range(3, 40)]];

    [Fact]
    public void AnotherHead_IsKept_AndSaid()
    {
        string folder = WithHead(Variant.Matrix(1024, 96, 0.1f));
        string untied = Variant.Of(folder, json: config => config["tie_word_embeddings"] = false);

        var (logits, notes, isTied) = Run(folder);

        Assert.Equal(Run(untied).Logits, logits);
        Assert.NotEqual(Run(Fixtures.Path("tiny/model")).Logits, logits);
        Assert.Contains("another lm_head", Assert.Single(notes), StringComparison.Ordinal);
        Assert.False(isTied);
        Assert.False(BaseHead.ConfigOf(folder).TieWordEmbeddings);
    }

    [Fact]
    public void AHeadOfZeros_GivesTheLossOfChance()
    {
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(WithHead(Variant.Matrix(1024, 96, 0)), backend);
        using var run = new ModelRun(model, Rows);
        Assert.Equal(Math.Log(1024), run.Loss, 1e-5);
    }

    [Fact]
    public void ACopyOfTheEmbedding_IsTheEmbedding()
    {
        string folder = Variant.Of(
            Fixtures.Path("tiny/model"), tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]);
        var (logits, notes, isTied) = Run(folder);
        Assert.Equal(Run(Fixtures.Path("tiny/model")).Logits, logits);
        Assert.Empty(notes);
        Assert.True(isTied);
    }

    [Fact]
    public void Merge_OfACopyOfTheEmbedding_WritesOneMatrix_AndAllInTheTypeAskedFor()
    {
        string folder = Variant.Of(
            Fixtures.Path("tiny/model"), tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]);
        string merged = Fixtures.TemporaryFolder();

        Merger.Merge(folder, Fixtures.Path("tiny/adapter"), merged, new MergeOptions { DType = DType.BFloat16 });

        using var checkpoint = Checkpoint.Open(merged);
        Assert.False(checkpoint.Contains("lm_head.weight"));
        Assert.All(checkpoint.Entries, entry => Assert.Equal("BF16", entry.DType));
        Assert.True(GemmaConfig.Load(merged).TieWordEmbeddings);
    }

    [Fact]
    public void AFolderWithoutWeights_IsWhatConfigJsonSays()
    {
        string folder = Fixtures.TemporaryFolder();
        File.Copy(Path.Combine(Fixtures.Path("tiny/model"), "config.json"), Path.Combine(folder, "config.json"));
        Assert.True(BaseHead.ConfigOf(folder).TieWordEmbeddings);
    }

    [Fact]
    public void Merge_KeepsTheHead_AndSaysSoInConfigJson()
    {
        string folder = WithHead(Variant.Matrix(1024, 96, 0.1f)), merged = Fixtures.TemporaryFolder();
        string adapter = Fixtures.Path("tiny/adapter");
        List<string> notes = [];
        var options = new MergeOptions { DType = DType.Float32, OnNote = notes.Add };

        Merger.Merge(folder, adapter, merged, options);

        using var backend = new CpuBackend(threads: 1);
        var check = MergeCheck.Run(folder, adapter, merged, Rows[0], options, backend);
        Assert.True(check.MaxDistance < 1e-4 * check.MaxLogit, check.ToString());
        Assert.False(GemmaConfig.Load(merged).TieWordEmbeddings);
        Assert.Contains("another lm_head", Assert.Single(notes), StringComparison.Ordinal);
    }

    private static string WithHead(RawTensor head) =>
        Variant.Of(Fixtures.Path("tiny/model"), tensors => tensors["lm_head.weight"] = head);

    private static (float[] Logits, IReadOnlyList<string> Notes, bool IsTied) Run(string folder)
    {
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(folder, backend);
        using var run = new ModelRun(model, Rows);
        return (run.Logits, model.Notes, model.Config.TieWordEmbeddings);
    }
}
