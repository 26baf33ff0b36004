using Lapidary.Formats;

namespace Lapidary.Gemma.Tests;

public class LoraConfigTests
{
    private const string Query = "model.layers.12.self_attn.q_proj";

    [Theory]
    [InlineData("q_proj", Query, true)]
    [InlineData("self_attn.q_proj", Query, true)]
    [InlineData(Query, Query, true)]
    [InlineData("proj", Query, false)]
    [InlineData("q_proj", "model.layers.12.self_attn.q_proj.base", false)]
    [InlineData("q_proj", "model.layers.12.self_attn.xq_proj", false)]
    public void Matches_ComparesWholeSegmentsOfAList(string entry, string module, bool expected) =>
        Assert.Equal(expected, new LoraConfig { TargetModules = ModuleSelector.FromNames("other", entry) }.Matches(module));

    [Theory]
    [InlineData(@".*\.q_proj", true)]
    [InlineData("q_proj", false)]
    [InlineData(@".*\.(q|k)_proj|x", true)]
    [InlineData(@"model\.layers\.1", false)]
    [InlineData(@"(?!.*k_proj).*_proj", true)]
    public void Matches_NeedsAPatternToMatchTheWholeName(string pattern, bool expected) =>
        Assert.Equal(expected, new LoraConfig { TargetModules = ModuleSelector.FromPattern(pattern) }.Matches(Query));

    [Theory]
    [InlineData(Query, true)]
    [InlineData("model.language_model.layers.0.mlp.down_proj", true)]
    [InlineData("lm_head", false)]
    [InlineData("model.embed_tokens", false)]
    [InlineData("model.layers.0.input_layernorm", false)]
    [InlineData("model.layers.0.self_attn.q_norm", false)]
    public void Matches_TakesEveryLinearLayerButTheHead(string module, bool expected) =>
        Assert.Equal(expected, new LoraConfig { TargetModules = ModuleSelector.FromPattern("All-Linear") }.Matches(module));

    [Fact]
    public void Matches_DefaultsToQueriesAndValues()
    {
        var config = new LoraConfig();
        Assert.True(config.Matches(Query));
        Assert.True(config.Matches("model.layers.0.self_attn.v_proj"));
        Assert.False(config.Matches("model.layers.0.self_attn.k_proj"));
    }

    [Fact]
    public void Matches_LeavesOutExcludedAndSavedModules()
    {
        var all = new LoraConfig { TargetModules = ModuleSelector.AllLinear };
        Assert.False((all with { ExcludeModules = ModuleSelector.FromNames("q_proj") }).Matches(Query));
        Assert.False((all with { ExcludeModules = ModuleSelector.FromPattern(@".*\.12\..*") }).Matches(Query));
        Assert.False((all with { ModulesToSave = ["self_attn.q_proj"] }).Matches(Query));
        Assert.True((all with { ModulesToSave = ["lm_head"] }).Matches(Query));
    }

    [Theory]
    [InlineData(null, new[] { 12 }, true)]
    [InlineData(null, new[] { 1, 2 }, false)]
    [InlineData("layers", new[] { 12 }, true)]
    [InlineData("blocks", new[] { 12 }, false)]
    public void Matches_ChoosesLayers(string? pattern, int[] layers, bool expected)
    {
        var config = new LoraConfig
        {
            TargetModules = ModuleSelector.FromNames("q_proj"),
            LayersToTransform = layers,
            LayersPattern = pattern is null ? null : [pattern],
        };
        Assert.Equal(expected, config.Matches(Query));
        Assert.True((config with { TargetModules = ModuleSelector.FromNames(Query) }).Matches(Query));
    }

    [Fact]
    public void RankFor_TakesTheFirstPatternThatEndsTheName()
    {
        var config = new LoraConfig
        {
            R = 8,
            LoraAlpha = 16,
            RankPattern = [new("proj", 1), new(@"12\.self_attn\..*", 4), new("q_proj", 2)],
            AlphaPattern = [new("q_proj", 32)],
        };
        Assert.Equal((4, 32.0, 8.0), (config.RankFor(Query), config.AlphaFor(Query), config.ScalingFor(Query)));
        Assert.Equal((2, 16.0), (config.RankFor("q_proj"), config.ScalingFor("q_proj")));
        Assert.Equal((8, 16.0, 2.0), (config.RankFor("a.k_proj"), config.AlphaFor("a.k_proj"), config.ScalingFor("a.k_proj")));
        Assert.Equal(16, (config with { UseRslora = true }).ScalingFor(Query));
    }

    [Theory]
    [InlineData(0, 8, 0, "R must be from 1 to 65536, got 0.")]
    [InlineData(8, -1, 0, "LoraAlpha must be from 0 to 1000000000, got -1.")]
    [InlineData(8, 8, 1, "LoraDropout must be from 0 to 0.999, got 1.")]
    public void Validate_NamesThePropertyThatIsOutOfRange(int r, double alpha, double dropout, string message)
    {
        var config = new LoraConfig { R = r, LoraAlpha = alpha, LoraDropout = dropout };
        Assert.Equal(message, Assert.Throws<LapidaryException>(config.Validate).Message);
        LoraConfig.Guide.Validate();
    }

    [Fact]
    public void Matches_RefusesAPatternThatIsNoneOrNeverEnds()
    {
        var broken = new LoraConfig { TargetModules = ModuleSelector.FromPattern("(") };
        Assert.Contains(
            "target_modules: expected a regular expression, found \"(\"",
            Assert.Throws<LapidaryException>(() => broken.Matches(Query)).Message, StringComparison.Ordinal);
        var endless = new LoraConfig { TargetModules = ModuleSelector.FromPattern("(a+)+b") };
        Assert.Contains(
            "within 1 s", Assert.Throws<LapidaryException>(() => endless.Matches(new string('a', 40))).Message, StringComparison.Ordinal);
    }
}
