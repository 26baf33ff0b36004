using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class TensorNamesTests
{
    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.weight")]
    [InlineData("language_model.model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.weight")]
    [InlineData("model.language_model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.weight")]
    [InlineData("model.language_model.embed_tokens.weight", "model.embed_tokens.weight")]
    [InlineData("language_model.model.norm.weight", "model.norm.weight")]
    [InlineData("language_model.lm_head.weight", "lm_head.weight")]
    [InlineData("model.language_model.lm_head.weight", "lm_head.weight")]
    [InlineData("lm_head.weight", "lm_head.weight")]
    [InlineData("lm_head", "lm_head")]
    [InlineData("language_model.model.layers.3.mlp.up_proj", "model.layers.3.mlp.up_proj")]
    [InlineData("model.vision_tower.vision_model.embeddings.patch_embedding.weight", null)]
    [InlineData("model.layersX.0", null)]
    [InlineData("lm_headless.weight", null)]
    [InlineData("", null)]
    public void TryNormalize_KnowsEverySpelling(string name, string? canonical)
    {
        Assert.Equal(canonical is not null, TensorNames.TryNormalize(name, out string? found));
        Assert.Equal(canonical, found);
        Assert.Equal(canonical is not null, TensorNames.TryNormalizeAdapter("base_model.model." + name, out found));
        Assert.Equal(canonical, found);
    }

    [Fact]
    public void TryNormalizeAdapter_NeedsThePrefix() =>
        Assert.False(TensorNames.TryNormalizeAdapter("model.layers.0.mlp.up_proj.lora_A.weight", out _));

    [Theory]
    [InlineData("vision_tower.vision_model.post_layernorm.weight")]
    [InlineData("model.vision_tower.vision_model.post_layernorm.weight")]
    [InlineData("multi_modal_projector.mm_soft_emb_norm.weight")]
    [InlineData("model.multi_modal_projector.mm_input_projection_weight")]
    public void TryNormalize_LeavesOutVision(string name) => Assert.False(TensorNames.TryNormalize(name, out _));

    [Theory]
    [InlineData(nameof(TensorNameStyle.Text))]
    [InlineData(nameof(TensorNameStyle.Multimodal))]
    [InlineData(nameof(TensorNameStyle.MultimodalHub))]
    public void ToStyle_IsTheInverseOfNormalize(string name)
    {
        var style = Enum.Parse<TensorNameStyle>(name);
        string[] names = [.. GemmaTensors.Of(GemmaConfig.Preset("270m") with { TieWordEmbeddings = false }).Select(tensor => tensor.Name)];
        string[] spelled = [.. names.Select(name => TensorNames.ToStyle(name, style))];
        Assert.Equal(style, TensorNames.StyleOf(spelled));
        Assert.Equal(names, spelled.Select(name => TensorNames.TryNormalize(name, out string? canonical) ? canonical : null));
    }

    [Theory]
    [InlineData("tiny/model")]
    [InlineData("tiny/multimodal")]
    public void TryNormalize_FindsEveryTensorOfTheModelInTheFixture(string folder)
    {
        using var checkpoint = Checkpoint.Open(Fixtures.Path(folder));
        var config = GemmaConfig.Load(Fixtures.Path(folder));
        var found = checkpoint.Entries.Where(entry => TensorNames.TryNormalize(entry.Name, out _))
            .ToDictionary(entry => TensorNames.TryNormalize(entry.Name, out string? canonical) ? canonical : "", entry => entry.Shape);
        Assert.All(
            checkpoint.Entries.Where(entry => !TensorNames.TryNormalize(entry.Name, out _)),
            entry => Assert.Matches("^(vision_tower|multi_modal_projector)", entry.Name));
        Assert.Equal(GemmaTensors.Of(config).Select(tensor => tensor.Name).Order(), found.Keys.Order());
        Assert.All(GemmaTensors.Of(config), tensor => Assert.Equal(tensor.Shape, found[tensor.Name]));
    }

    [Theory]
    [InlineData("tiny/adapter")]
    [InlineData("tiny/adapter_tied")]
    public void TryNormalizeAdapter_FindsEveryTensorOfTheFixture(string folder)
    {
        using var file = SafetensorsFile.Open(Fixtures.Path(folder + "/adapter_model.safetensors"));
        var settings = AdapterConfigFile.Read(Fixtures.Path(folder));
        foreach (var entry in file.Entries)
        {
            Assert.True(TensorNames.TryNormalizeAdapter(entry.Name, out string? name), entry.Name);
            int lora = name.IndexOf(".lora_", StringComparison.Ordinal);
            if (lora > 0) Assert.True(settings.Matches(name[..lora]), name);
            else Assert.Contains(name, (string[])[TensorNames.Embedding, TensorNames.Head]);
        }

        Assert.Equal(7 * 7 * 2, file.Entries.Count(entry => entry.Name.Contains(".lora_", StringComparison.Ordinal)));
    }
}
