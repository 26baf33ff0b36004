using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Gemma.Lora;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class AdapterConfigFileTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Theory]
    [InlineData("tiny/adapter")]
    [InlineData("tiny/adapter_after_12_steps")]
    [InlineData("tiny/adapter_tied")]
    [InlineData("tiny/adapter_tied_after_12_steps")]
    public void Write_RepeatsPeftsFileToTheByte(string fixture)
    {
        List<string> unknown = [];
        AdapterConfigFile.Write(_folder, AdapterConfigFile.Read(Fixtures.Path(fixture), unknown));
        Assert.Equal(
            File.ReadAllText(Path.Combine(Fixtures.Path(fixture), "adapter_config.json")),
            File.ReadAllText(Path.Combine(_folder, "adapter_config.json")));
        Assert.Empty(unknown);
    }

    [Fact]
    public void Write_KeepsEverySetting()
    {
        var config = new LoraConfig
        {
            R = 16,
            LoraAlpha = 12.5,
            LoraDropout = 0.05,
            TargetModules = ModuleSelector.FromPattern(@".*\.q_proj"),
            ExcludeModules = ModuleSelector.FromNames("lm_head"),
            ModulesToSave = ["lm_head", "embed_tokens"],
            EnsureWeightTying = true,
            UseRslora = true,
            RankPattern = [new("q_proj", 4)],
            AlphaPattern = [new("q_proj", 32)],
            BaseModelNameOrPath = "google/gemma-3-1b-pt",
            Revision = "main",
        };
        AdapterConfigFile.Write(_folder, config);
        var read = AdapterConfigFile.Read(_folder);
        Assert.Equal(AdapterConfigFile.ToText(config), AdapterConfigFile.ToText(read));
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "adapter_config.json")))!.AsObject();
        Assert.Equal(41, json.Count);
        Assert.Equal(json.Select(pair => pair.Key).Order(StringComparer.Ordinal), json.Select(pair => pair.Key));
        Assert.Equal("12.5 0.05 {\"q_proj\":4} {\"q_proj\":32} true",
            $"{json["lora_alpha"]} {json["lora_dropout"]} {json["rank_pattern"]!.ToJsonString()} {json["alpha_pattern"]!.ToJsonString()} "
            + $"{json["use_rslora"]!.ToJsonString()}");
        Assert.Equal(@".*\.q_proj", (string?)json["target_modules"]);
    }

    [Fact]
    public void Write_SpellsAllLinearOut()
    {
        AdapterConfigFile.Write(_folder, new LoraConfig { TargetModules = ModuleSelector.AllLinear });
        Assert.Equal(
            ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            AdapterConfigFile.Read(_folder).TargetModules!.Names);
    }

    [Fact]
    public void Read_HasPeftsDefaults()
    {
        Save("{\"peft_type\":\"LORA\",\"brand_new\":1}");
        List<string> unknown = [];
        var config = AdapterConfigFile.Read(_folder, unknown);
        Assert.Equal((8, 8.0, 0.0, false, null), (config.R, config.LoraAlpha, config.LoraDropout, config.UseRslora, config.TargetModules));
        Assert.Equal(["brand_new"], unknown);
    }

    [Theory]
    [InlineData("\"peft_type\":\"IA3\"", "peft_type: expected \"LORA\", found \"IA3\"")]
    [InlineData("\"peft_type\":null", "peft_type: expected \"LORA\", found nothing")]
    [InlineData("\"use_dora\":true", "use_dora: expected false")]
    [InlineData("\"lora_bias\":true", "lora_bias: expected false")]
    [InlineData("\"fan_in_fan_out\":true", "fan_in_fan_out: expected false")]
    [InlineData("\"use_something_new\":true", "use_something_new: expected false")]
    [InlineData("\"lora_dropout\":0.99999999999", "lora_dropout: expected a number from 0 to 0.999")]
    [InlineData("\"use_qalora\":true", "use_qalora: expected false")]
    [InlineData("\"bias\":\"all\"", "bias: expected \"none\"")]
    [InlineData("\"trainable_token_indices\":[3]", "trainable_token_indices: expected null")]
    [InlineData("\"target_parameters\":[\"x\"]", "target_parameters: expected null")]
    [InlineData("\"layer_replication\":[[0,4]]", "layer_replication: expected null")]
    [InlineData("\"alora_invocation_tokens\":[1]", "alora_invocation_tokens: expected null")]
    [InlineData("\"init_lora_weights\":\"pissa\"", "init_lora_weights: expected true, false")]
    [InlineData("\"r\":0", "r: expected a whole number from 1 to 65536, found 0")]
    [InlineData("\"r\":\"16\"", "r: expected a whole number from 1 to 65536, found \"16\"")]
    [InlineData("\"lora_dropout\":1.5", "lora_dropout: expected a number from 0 to 0.999, found 1.5")]
    [InlineData("\"target_modules\":3", "target_modules: expected a string, found 3")]
    [InlineData("\"target_modules\":[3]", "target_modules: expected a list of strings, found [3]")]
    [InlineData("\"rank_pattern\":{\"q_proj\":-1}", "rank_pattern.q_proj: expected a whole number from 1")]
    [InlineData("\"target_modules\":\"x\",\"layers_to_transform\":[1]", "layers_to_transform: expected null")]
    public void Read_RefusesWhatItWouldComputeWrongly(string setting, string message)
    {
        Save(setting.StartsWith("\"peft_type\"", StringComparison.Ordinal) ? $"{{{setting}}}" : $"{{\"peft_type\":\"LORA\",{setting}}}");
        var error = Assert.Throws<LapidaryException>(() => AdapterConfigFile.Read(_folder));
        Assert.Contains("adapter_config.json: " + message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private void Save(string json) => File.WriteAllText(Path.Combine(_folder, "adapter_config.json"), json);
}
