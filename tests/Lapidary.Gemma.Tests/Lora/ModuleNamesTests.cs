using Lapidary.Formats;
using Lapidary.Gemma.Lora;

namespace Lapidary.Gemma.Tests;

/// <summary>Settings of a new adapter that name nothing, or what can have no adapter.</summary>
public class ModuleNamesTests
{
    private static readonly GemmaConfig Model = GemmaConfig.Preset("270m");

    [Theory]
    [InlineData("q_prj", "TargetModules: \"q_prj\" matches no layer; perhaps q_proj is meant.")]
    [InlineData("all_linear", "TargetModules: \"all_linear\" matches no layer; perhaps all-linear is meant.")]
    [InlineData("c_attn", "TargetModules: \"c_attn\" matches no layer; expected some of q_proj,")]
    [InlineData("Q_PROJ", "TargetModules: \"Q_PROJ\" matches no layer; perhaps q_proj is meant.")]
    [InlineData("model.layers.99.self_attn.q_proj", "perhaps model.layers.")]
    [InlineData("embed_tokens", "matches model.embed_tokens; LoRA on it is not supported: name embed_tokens in ModulesToSave")]
    [InlineData("lm_head", "TargetModules: \"lm_head\" matches lm_head; LoRA on it is not supported: name lm_head in ModulesToSave")]
    [InlineData("q_norm", "TargetModules: \"q_norm\" matches model.layers.0.self_attn.q_norm; an adapter needs a linear layer")]
    public void ATargetThatIsNoLayer_IsRefused(string name, string message) =>
        AssertRefused(new LoraConfig { TargetModules = ModuleSelector.FromNames("k_proj", name) }, message);

    [Theory]
    [InlineData("nothing.*", "TargetModules: \"nothing.*\" matches no layer")]
    [InlineData(".*(q_proj|lm_head)", "TargetModules: \".*(q_proj|lm_head)\" matches lm_head; LoRA on it is not supported")]
    [InlineData(@".*layers\.0\..*", "matches model.layers.0.self_attn.q_norm; an adapter needs a linear layer")]
    [InlineData("[(", "target_modules: expected a regular expression, found \"[(\" (unterminated bracket); correct")]
    [InlineData("a)|(b", "found \"a)|(b\" (insufficient opening parentheses)")]
    public void ATargetPattern_IsRefusedAsItWasGiven(string pattern, string message) =>
        AssertRefused(new LoraConfig { TargetModules = ModuleSelector.FromPattern(pattern) }, message);

    [Fact]
    public void OtherNames_AreRefusedToo()
    {
        AssertRefused(
            new LoraConfig { ModulesToSave = ["embed_token"] },
            "ModulesToSave: \"embed_token\" names no module that can be trained whole; perhaps embed_tokens is meant.");
        AssertRefused(new LoraConfig { ModulesToSave = ["v_proj"] }, "name it in TargetModules instead");
        AssertRefused(new LoraConfig { ModulesToSave = ["score.lm_head"] }, "\"score.lm_head\" names no module");
        AssertRefused(
            new LoraConfig { ExcludeModules = ModuleSelector.FromNames("k_prj") },
            "ExcludeModules: \"k_prj\" matches no layer; perhaps k_proj is meant.");
        AssertRefused(
            new LoraConfig { ExcludeModules = ModuleSelector.FromPattern(".*vision.*") },
            "ExcludeModules: \".*vision.*\" matches no layer");
        AssertRefused(new LoraConfig { ExcludeModules = ModuleSelector.FromNames("q_proj", "v_proj") }, "no layer is left");
        AssertRefused(
            new LoraConfig { LayersToTransform = [0, 18] },
            "LayersToTransform: 18 is the number of no layer; the model has 0 to 17.");
        AssertRefused(new LoraConfig { LayersToTransform = [1], LayersPattern = ["blocks"] }, "no layer under \"blocks\" (LayersPattern)");
        AssertRefused(
            new LoraConfig { RankPattern = [new("q_poj", 4)] },
            "rank_pattern: \"q_poj\" matches no layer that gets an adapter; perhaps q_proj is meant.");
        AssertRefused(
            new LoraConfig { AlphaPattern = [new("up_proj", 4)] },
            "alpha_pattern: \"up_proj\" matches no layer that gets an adapter");
    }

    [Fact]
    public void OneOfATiedPair_IsBoth_WhereTheyAreKeptTied()
    {
        var names = new ModuleNames(Model);
        Assert.True(Model.TieWordEmbeddings);
        foreach (string name in new[] { ModuleNames.EmbedTokens, ModuleNames.LmHead })
        {
            var config = new LoraConfig { ModulesToSave = [name] };
            Assert.Equal([name], names.SavedWhole(config with { EnsureWeightTying = false }));
            Assert.Equal(
                [ModuleNames.EmbedTokens, ModuleNames.LmHead],
                names.SavedWhole(config with { EnsureWeightTying = true }).Order(StringComparer.Ordinal));
        }

        Assert.Empty(names.SavedWhole(new LoraConfig { ModulesToSave = null, EnsureWeightTying = true }));
    }

    [Fact]
    public void RightNames_Pass()
    {
        var names = new ModuleNames(Model);
        names.Check(new LoraConfig());
        names.Check(LoraConfig.Guide);
        names.Check(new LoraConfig
        {
            TargetModules = ModuleSelector.FromPattern(@"model\.layers\.\d+\.mlp\..*"),
            ExcludeModules = ModuleSelector.FromNames("down_proj"),
            RankPattern = [new("layers.3.mlp.up_proj", 4)],
            AlphaPattern = [new(".*gate_proj", 4)],
            ModulesToSave = ["model.embed_tokens"],
        });
        names.Check(new LoraConfig { TargetModules = ModuleSelector.FromPattern(".*(q_proj|lm_head)"), ModulesToSave = ["lm_head"] });
        names.Check(new LoraConfig { LayersToTransform = [0, 17], LayersPattern = ["layers"] });
    }

    /// <summary>transformers names the layers of a multimodal model under language_model, and PEFT looks its patterns up there.</summary>
    [Fact]
    public void PatternsOfAMultimodalModel_AreFoundUnderItsNames()
    {
        const string Layer = "model.layers.0.self_attn.q_proj";
        var names = new ModuleNames(Model with { IsMultimodal = true });
        var config = new LoraConfig
        {
            RankPattern = [new("model.language_model.layers.0.self_attn.q_proj", 4)],
            AlphaPattern = [new("language_model.layers.0.self_attn.q_proj", 2)],
            ExcludeModules = ModuleSelector.FromPattern(@".*language_model\.layers\.1\..*"),
        };
        names.Check(config);
        Assert.Equal((4, 0.5), (config.RankFor(names.Spellings(Layer)), config.ScalingFor(names.Spellings(Layer))));
        Assert.False(names.IsTargeted(config, "model.layers.1.self_attn.q_proj"));
        Assert.True(names.IsTargeted(config, Layer));
    }

    private static void AssertRefused(LoraConfig config, string message)
    {
        var error = Assert.Throws<LapidaryException>(() => new ModuleNames(Model).Check(config));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
