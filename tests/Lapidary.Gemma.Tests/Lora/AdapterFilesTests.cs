using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Adapters as PEFT and others leave them.</summary>
public class AdapterFilesTests
{
    private const string Prefix = "base_model.model.", Embedding = Prefix + "model.embed_tokens.weight", Head = Prefix + "lm_head.weight";

    private static readonly int[][] Rows = [[.. Enumerable.Range(3, 40)]];

    private static string Tied => Fixtures.Path("tiny/adapter_tied_after_12_steps");

    private static string Plain => Fixtures.Path("tiny/adapter_after_12_steps");

    [Fact]
    public void AnEmbeddingOutsideModulesToSave_IsUsedAsPeftDoes_ForBothOfATiedBase()
    {
        string folder = Variant.Of(Tied, json: config => (config["modules_to_save"], config["ensure_weight_tying"]) = (null, false));
        string alone = Variant.Of(folder, tensors => tensors.Remove(Head));

        var (loss, notes) = LossOf(folder);

        Assert.Equal(LossOf(Tied).Loss, loss);
        Assert.Equal(loss, LossOf(alone).Loss);
        Assert.Contains("embed_tokens and lm_head without listing it", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmbeddingOutsideModulesToSave_CannotBeTrainedOnFrom_NorDifferFromTheHead()
    {
        string folder = Variant.Of(Tied, json: config => (config["modules_to_save"], config["ensure_weight_tying"]) = (null, false));
        Assert.Contains("not trained on from", Refusal(folder, trainable: true), StringComparison.Ordinal);
        string differing = Variant.Of(folder, tensors => tensors[Head] = tensors[Head].With(element: 3, value: 9));
        Assert.Contains("holds another embed_tokens than lm_head", Refusal(differing), StringComparison.Ordinal);
    }

    [Fact]
    public void AHeadThatDiffersFromItsTiedEmbedding_IsRefused()
    {
        string folder = Variant.Of(Tied, tensors => tensors[Head] = tensors[Head].With(element: 3, value: 9));
        Assert.Contains("holds another embed_tokens than lm_head", Refusal(folder), StringComparison.Ordinal);
        Assert.Contains("\"ensure_weight_tying\": true", Refusal(folder), StringComparison.Ordinal);
        LossOf(Variant.Of(folder, json: config =>
            (config["modules_to_save"], config["ensure_weight_tying"]) =
                (new System.Text.Json.Nodes.JsonArray("embed_tokens", "lm_head"), false)));
    }

    [Theory]
    [InlineData("alpha_pattern", "q_porj", "perhaps q_proj is meant")]
    [InlineData("rank_pattern", "nosuch", "matches no layer that gets an adapter")]
    public void APatternThatMatchesNothing_IsSaid(string key, string pattern, string expected)
    {
        string folder = Variant.Of(Plain, json: config => config[key] = new System.Text.Json.Nodes.JsonObject { [pattern] = 4 });
        var (loss, notes) = LossOf(folder);
        Assert.Equal(LossOf(Plain).Loss, loss);
        string note = Assert.Single(notes);
        Assert.Contains($"{key}: \"{pattern}\"", note, StringComparison.Ordinal);
        Assert.Contains(expected, note, StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmbeddingAlone_LeavesTheHeadToTheBase_AlsoMerged()
    {
        string folder = Variant.Of(Tied, tensors => tensors.Remove(Head), config =>
            (config["modules_to_save"], config["ensure_weight_tying"]) = (new System.Text.Json.Nodes.JsonArray("embed_tokens"), false));
        string merged = Fixtures.TemporaryFolder(), model = Fixtures.Path("tiny/model");
        var options = new MergeOptions { DType = DType.Float32 };

        Merger.Merge(model, folder, merged, options);

        using var backend = new CpuBackend(threads: 1);
        var check = MergeCheck.Run(model, folder, merged, Rows[0], options, backend);
        Assert.True(check.MaxDistance < 1e-4 * check.MaxLogit, check.ToString());
        Assert.False(GemmaConfig.Load(merged).TieWordEmbeddings);
        Assert.NotEqual(LossOf(Tied).Loss, LossOf(folder).Loss);
    }

    [Fact]
    public void AVisionTowersMatrices_AreLeftOut_AndSaid()
    {
        const string Vision = Prefix + "model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.lora_A.weight";
        string folder = Variant.Of(Plain, tensors => tensors[Vision] = Variant.Matrix(4, 8, 1));
        var (loss, notes) = LossOf(folder);
        Assert.Equal(LossOf(Plain).Loss, loss);
        Assert.Contains($"1 tensors of the vision tower ({Vision}", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public void ATensorOfNoKnownPart_IsRefused()
    {
        string folder = Variant.Of(Plain, tensors => tensors["base_model.model.tower.lora_A.weight"] = Variant.Matrix(4, 8, 1));
        Assert.Contains("belongs to no part of Gemma", Refusal(folder), StringComparison.Ordinal);
        folder = Variant.Of(
            Plain, tensors => tensors[Prefix + "model.embed_tokens.lora_embedding_A"] = Variant.Matrix(4, 8, 1));
        Assert.Contains("lora_embedding_A has no place", Refusal(folder), StringComparison.Ordinal);
        folder = Variant.Of(Plain, tensors => tensors["vision_tower.layers.0.lora_A.weight"] = Variant.Matrix(4, 8, 1));
        Assert.Contains("belongs to no part of Gemma", Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void ATensorUnderTwoNames_IsRefused()
    {
        const string Layer = "layers.0.self_attn.q_proj.lora_A.weight";
        string folder = Variant.Of(
            Plain, tensors => tensors[Prefix + "model.language_model." + Layer] = tensors[Prefix + "model." + Layer]);
        Assert.Contains("are the same one of Gemma", Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void ATiedMatrix_IsReadUnderEitherName()
    {
        double loss = LossOf(Tied).Loss;
        Assert.Equal(loss, LossOf(Variant.Of(Tied, tensors => tensors.Remove(Head))).Loss);
        Assert.Equal(loss, LossOf(Variant.Of(Tied, tensors => tensors.Remove(Embedding))).Loss);
    }

    [Fact]
    public void Save_OfAValueThatIsNotFinite_IsRefused_AndWritesNothing()
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = 2, ModulesToSave = null }, seed: 1);
        var value = adapter.Parameters[0].Value;
        float[] numbers = new float[value.Count];
        numbers[3] = float.NaN;
        model.Backend.Write<float>(numbers, value);
        string folder = Fixtures.TemporaryFolder();
        Assert.Contains("NaN", Assert.Throws<LapidaryException>(() => adapter.Save(folder, model)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void APickleFile_IsNamedAsOne()
    {
        string folder = Variant.Of(Plain);
        File.Move(Path.Combine(folder, "adapter_model.safetensors"), Path.Combine(folder, "adapter_model.bin"));
        Assert.Contains("found adapter_model.bin, a pickle file", Refusal(folder), StringComparison.Ordinal);
        using var backend = new CpuBackend(threads: 1);
        string model = Variant.Of(Fixtures.Path("tiny/model"));
        File.Move(Path.Combine(model, "model.safetensors"), Path.Combine(model, "pytorch_model.bin"));
        Assert.Contains(
            "pytorch_model.bin, a pickle file", Assert.Throws<LapidaryException>(() => GemmaModel.Load(model, backend)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AValueThatIsNotFinite_IsRefusedWithItsTensor()
    {
        const string Name = Prefix + "model.layers.2.mlp.up_proj.lora_B.weight";
        string folder = Variant.Of(Plain, tensors => tensors[Name] = tensors[Name].With(element: 11, float.NaN));
        Assert.Contains($"tensor {Name} holds NaN at element 11", Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void UnknownKeys_AreSaid_AndRefusedWhereTheyTurnAVariantOn()
    {
        string folder = Variant.Of(Plain, json: config => (config["brand_new"], config["use_other"]) = (3, false));
        Assert.Contains("brand_new, use_other", Assert.Single(LossOf(folder).Notes), StringComparison.Ordinal);
        folder = Variant.Of(Plain, json: config => config["use_fancy"] = true);
        Assert.Contains("use_fancy: expected false", Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void LoraDropout_IsASettingOfTraining()
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Load(model, Plain, trainable: true, loraDropout: 0.25);
        Assert.Equal(0.25, adapter.Config.LoraDropout);
    }

    /// <summary>What is written names the layers that were trained, under the names that transformers has for them.</summary>
    [Theory]
    [InlineData("q_proj", null, false)]
    [InlineData("model.layers.3.self_attn.q_proj", null, true)]
    [InlineData("all-linear", 2, false)]
    public void Save_OfAMultimodalModel_ListsTheLayersThatWereTrained(string target, int? layer, bool byName)
    {
        using var model = ModelRun.Load("multimodal");
        var targets = target == "all-linear" ? ModuleSelector.AllLinear : ModuleSelector.FromNames(target);
        var config = new LoraConfig { TargetModules = targets, LayersToTransform = layer is { } n ? [n] : null };
        using var adapter = Adapter.Create(model, config, seed: 1);
        string folder = Fixtures.TemporaryFolder();
        adapter.Save(folder, model);

        using var again = Adapter.Load(model, folder);

        Assert.Equal(adapter.TargetedModules, again.TargetedModules);
        Assert.Equal(byName || layer is not null, again.Config.TargetModules!.Pattern is null);
        Assert.Null(again.Config.LayersToTransform); // whole names say it
    }

    private static (double Loss, IReadOnlyList<string> Notes) LossOf(string adapterFolder)
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Load(model, adapterFolder);
        model.Attach(adapter);
        using var run = new ModelRun(model, Rows);
        return (run.Loss, adapter.Notes);
    }

    private static string Refusal(string adapterFolder, bool trainable = false)
    {
        using var model = ModelRun.Load("model");
        long before = model.Backend.Memory.LiveBytes;
        var error = Assert.Throws<LapidaryException>(() => Adapter.Load(model, adapterFolder, trainable));
        Assert.Equal(before, model.Backend.Memory.LiveBytes);
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }
}
