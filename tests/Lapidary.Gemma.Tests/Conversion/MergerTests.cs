using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Merged models against PEFT's merge_and_unload, and against base + adapter.</summary>
public class MergerTests
{
    private const double Fp32 = 2e-5;

    [Fact]
    public void Merge_GivesPeftsWeightsAndLogits()
    {
        string folder = Fixtures.TemporaryFolder();
        Merger.Merge(Fixtures.Path("tiny/model"), Fixtures.Path("tiny/adapter"), folder, new MergeOptions { DType = DType.Float32 });

        using var expected = SafetensorsFile.Open(Fixtures.Path("tiny/merged_fp32/model.safetensors"));
        using var merged = Checkpoint.Open(folder);
        foreach (var entry in expected.Entries)
        {
            Close.Assert(expected.Get(entry.Name).AsSpan<float>(), merged.Get(entry.Name).AsSpan<float>(), 1e-6, entry.Name);
        }

        using var golden = new Golden("merged_logits");
        using var model = GemmaModel.Load(folder, new CpuBackend(threads: 1));
        using var run = new ModelRun(model, ModelRun.Split(golden.Ids("input_ids"), 2));
        Close.Assert(golden.Floats("logits"), run.SampledLogits(), Fp32, "logits");
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, true, true)]
    public void Merge_KeepsLogits_TiedAndUntied(bool tied, bool fromNf4, bool sharded)
    {
        string folder = Fixtures.TemporaryFolder(), adapterFolder = AdapterWithRandomValues(tied);
        var options = new MergeOptions { DType = DType.Float32, FromNf4 = fromNf4, MaxShardBytes = sharded ? 300_000 : long.MaxValue };

        Merger.Merge(Fixtures.Path("tiny/model"), adapterFolder, folder, options);

        using var backend = new CpuBackend(threads: 1);
        var check = MergeCheck.Run(
            Fixtures.Path("tiny/model"), adapterFolder, folder, [.. Enumerable.Range(3, 60)], options, backend);
        Assert.True(check.MaxDistance < 1e-4 * check.MaxLogit, check.ToString());
        Assert.True(check.EqualArgmax > 0.98, check.ToString());
        Assert.Equal(tied, GemmaConfig.Load(folder).TieWordEmbeddings);
        using var merged = Checkpoint.Open(folder);
        Assert.Equal(!tied, merged.Contains("lm_head.weight"));
        Assert.Equal(sharded, merged.Files.Count > 1);
    }

    [Fact]
    public void Merge_KeepsNamesTypesAndVisionTensors()
    {
        string folder = Fixtures.TemporaryFolder(), adapterFolder = Fixtures.TemporaryFolder();
        using (var model = ModelRun.Load("multimodal"))
        using (var adapter = Adapter.Create(model, LoraConfig.Guide with { R = 2, ModulesToSave = null }, seed: 1))
            adapter.Save(adapterFolder, model);

        Merger.Merge(Fixtures.Path("tiny/multimodal"), adapterFolder, folder, new MergeOptions());

        using Checkpoint source = Checkpoint.Open(Fixtures.Path("tiny/multimodal")), merged = Checkpoint.Open(folder);
        Assert.Equal(source.Entries.Select(entry => (entry.Name, entry.DType)), merged.Entries.Select(entry => (entry.Name, entry.DType)));
        foreach (var entry in source.Entries)
        {
            // B is zero in a new adapter, so every tensor keeps its bytes.
            Assert.True(source.FileOf(entry.Name).Bytes(entry.Name).SequenceEqual(merged.FileOf(entry.Name).Bytes(entry.Name)), entry.Name);
        }
    }

    [Fact]
    public void Merge_MakesA4BitBasePlain()
    {
        string folder = Fixtures.TemporaryFolder();
        Merger.Merge(Fixtures.Path("tiny/prequantized"), Fixtures.Path("tiny/adapter"), folder, new MergeOptions());

        using var backend = new CpuBackend(threads: 1);
        var check = MergeCheck.Run(
            Fixtures.Path("tiny/prequantized"), Fixtures.Path("tiny/adapter"), folder, [.. Enumerable.Range(3, 60)],
            new MergeOptions { FromNf4 = true }, backend);
        Assert.True(check.MaxDistance < 1e-4 * check.MaxLogit, check.ToString());
        Assert.Null(GemmaConfig.Load(folder).Quantization);
    }

    private static string AdapterWithRandomValues(bool tied)
    {
        string folder = Fixtures.TemporaryFolder();
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = 4, EnsureWeightTying = tied }, seed: 3);
        var random = new Random(4);
        foreach (var parameter in adapter.Parameters)
        {
            foreach (ref float value in parameter.Value.AsSpan<float>()) value += (float)(random.NextDouble() - 0.5) * 0.1f;
        }

        adapter.Save(folder, model);
        return folder;
    }
}
