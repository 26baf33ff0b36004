using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Gemma.Configuration;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class GemmaConfigTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Theory]
    [InlineData("tiny/model", "bfloat16", 1.0, false, false)]
    [InlineData("tiny/merged_fp32", "float32", 1.0, false, false)]
    [InlineData("tiny/multimodal", "bfloat16", 8.0, true, false)]
    [InlineData("tiny/prequantized", "float32", 1.0, false, true)]
    public void Load_ReadsOldAndNewSpellings(string folder, string dtype, double factor, bool multimodal, bool quantized)
    {
        var config = GemmaConfig.Load(Fixtures.Path(folder));
        Assert.Equal((1024, 96, 192, 7), (config.VocabSize, config.HiddenSize, config.IntermediateSize, config.NumHiddenLayers));
        Assert.Equal((4, 2, 32, 32.0), (config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.QueryPreAttnScalar));
        Assert.Equal((1e-6, 16, 512), (config.RmsNormEps, config.SlidingWindow, config.MaxPositionEmbeddings));
        Assert.Equal((1e6, 1e4, factor), (config.RopeTheta, config.RopeLocalBaseFreq, config.RopeScalingFactor));
        Assert.Equal((true, 2, 0), (config.TieWordEmbeddings, config.BosTokenId, config.PadTokenId));
        Assert.Equal([1], config.EosTokenIds);
        Assert.Equal((dtype, multimodal), (config.Dtype, config.IsMultimodal));
        Assert.Equal(Enumerable.Range(0, 7).Select(i => i == 5 ? LayerType.Full : LayerType.Sliding), config.LayerTypes);
        Assert.Equal(
            quantized, config.Quantization is { UseDoubleQuant: true, QuantStorage: "uint8", ComputeDtype: "float32", SkipModules: null });
    }

    [Fact]
    public void Load_HasTheDefaultsOfTransformersForAbsentKeys()
    {
        // What google/gemma-3-4b-it says on the hub, and no more.
        var config = Load("""
            {"model_type":"gemma3","eos_token_id":[1,106],"torch_dtype":"bfloat16","vision_config":{},
             "text_config":{"hidden_size":2560,"intermediate_size":10240,"model_type":"gemma3_text","num_hidden_layers":34,
                            "rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024}}
            """);
        var preset = GemmaConfig.Preset("4b");
        var same =
            config with { Json = preset.Json, IsMultimodal = false, EosTokenIds = preset.EosTokenIds, LayerTypes = preset.LayerTypes };
        Assert.Equal(preset, same);
        Assert.Equal([1, 106], config.EosTokenIds);
        Assert.Equal(preset.LayerTypes, config.LayerTypes);
        var bare = Load("""{"model_type":"gemma3_text"}""");
        Assert.Equal(
            (262_208, 2304, 9216, 26, 8, 4, 256),
            (
                bare.VocabSize, bare.HiddenSize, bare.IntermediateSize, bare.NumHiddenLayers, bare.NumAttentionHeads, bare.NumKeyValueHeads,
                bare.HeadDim));
        Assert.Equal((4096, 4, true), (bare.SlidingWindow, bare.LayerTypes.Count(type => type == LayerType.Full), bare.TieWordEmbeddings));
    }

    [Theory]
    [InlineData("\"model_type\":\"llama\"", "model_type: is a llama model; Lapidary trains Gemma 3 (model_type gemma3_text or gemma3)")]
    [InlineData("\"model_type\":\"gemma2\"", "is a gemma2 model")]
    [InlineData("\"model_type\":null", "model_type: expected \"gemma3_text\" or \"gemma3\", found nothing")]
    [InlineData("\"model_type\":\"gemma3\"", "text_config: expected an object, found nothing")]
    [InlineData("\"attn_logit_softcapping\":50.0", "attn_logit_softcapping: expected null, as Gemma 3 has no softcapping, found 50.0")]
    [InlineData("\"final_logit_softcapping\":30.0", "final_logit_softcapping: expected null")]
    [InlineData("\"attention_bias\":true", "attention_bias: expected false, found true")]
    [InlineData("\"use_bidirectional_attention\":true", "use_bidirectional_attention: expected false")]
    [InlineData("\"attention_dropout\":0.1", "attention_dropout: expected 0.0, found 0.1")]
    [InlineData("\"hidden_activation\":\"silu\"", "hidden_activation: expected \"gelu_pytorch_tanh\", found \"silu\"")]
    [InlineData("\"num_attention_heads\":4,\"num_key_value_heads\":3",
        "num_key_value_heads: expected a divisor of num_attention_heads (4), found 3")]
    [InlineData("\"head_dim\":31", "head_dim: expected an even number")]
    [InlineData("\"hidden_size\":0", "hidden_size: expected a whole number from 1 to 1048576, found 0")]
    [InlineData("\"hidden_size\":-96", "hidden_size: expected a whole number")]
    [InlineData("\"hidden_size\":1e30", "hidden_size: expected a whole number")]
    [InlineData("\"hidden_size\":\"96\"", "hidden_size: expected a whole number from 1 to 1048576, found \"96\"")]
    [InlineData("\"vocab_size\":2.5", "vocab_size: expected a whole number")]
    [InlineData("\"num_hidden_layers\":100000", "num_hidden_layers: expected a whole number from 1 to 1024")]
    [InlineData("\"rms_norm_eps\":0", "rms_norm_eps: expected a number from 1E-15 to")]
    [InlineData("\"rms_norm_eps\":1e999", "rms_norm_eps: expected a number from 1E-15 to")]
    [InlineData("\"rms_norm_eps\":1e-300", "rms_norm_eps: expected a number from 1E-15 to")]
    [InlineData("\"rope_theta\":1e300", "rope_theta: expected a number from 1E-15 to")]
    [InlineData("\"rope_local_base_freq\":1e-300", "rope_local_base_freq: expected a number from 1E-15 to")]
    [InlineData("\"query_pre_attn_scalar\":1e300", "query_pre_attn_scalar: expected a number from 1E-15 to")]
    [InlineData("\"query_pre_attn_scalar\":1e-300", "query_pre_attn_scalar: expected a number from 1E-15 to")]
    [InlineData("\"rope_scaling\":{\"type\":\"linear\",\"factor\":1e-300}", "rope_scaling.factor: expected a number from 1E-15 to")]
    [InlineData("\"layer_types\":[\"full_attention\"]", "layer_types: expected 26 entries")]
    [InlineData("\"num_hidden_layers\":1,\"layer_types\":[\"chunked\"]",
        "layer_types: expected \"sliding_attention\" or \"full_attention\"")]
    [InlineData("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4}",
        "rope_scaling.rope_type: expected \"linear\" or \"default\", found \"yarn\"")]
    [InlineData("\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4}",
        "rope_scaling.type: expected \"linear\" or \"default\", found \"dynamic\"")]
    [InlineData("\"rope_scaling\":{\"type\":\"linear\"}", "rope_scaling.factor: expected a number above 0, found nothing")]
    [InlineData("\"rope_parameters\":{\"rope_theta\":1}", "rope_parameters.rope_theta: expected only full_attention and sliding_attention")]
    [InlineData("\"rope_parameters\":{\"sliding_attention\":{\"rope_type\":\"linear\",\"factor\":2}}",
        "rope_parameters.sliding_attention.rope_type: expected \"default\"")]
    [InlineData("\"eos_token_id\":\"x\"", "eos_token_id: expected whole numbers")]
    [InlineData("\"quantization_config\":{\"quant_method\":\"gptq\"}",
        "quantization_config.quant_method: expected \"bitsandbytes\", found \"gptq\"")]
    [InlineData("\"quantization_config\":{\"quant_method\":\"bitsandbytes\",\"load_in_8bit\":true}",
        "quantization_config.load_in_4bit: expected true")]
    [InlineData("\"quantization_config\":{\"quant_method\":\"bitsandbytes\",\"load_in_4bit\":true,\"bnb_4bit_quant_type\":\"fp4\"}",
        "bnb_4bit_quant_type: expected \"nf4\", found \"fp4\"")]
    [InlineData("\"hidden_size\":1,\"hidden_size\":2", "expected JSON, found the key \"hidden_size\" a second time in line 1")]
    [InlineData("\"hidden_size\":NaN", "expected JSON, found the word NaN in line 1")]
    public void Load_RefusesWhatItCannotRun(string setting, string message)
    {
        string text = setting.StartsWith("\"model_type\"", StringComparison.Ordinal)
            ? $"{{{setting}}}"
            : $"{{\"model_type\":\"gemma3_text\",{setting}}}";
        var error = Assert.Throws<LapidaryException>(() => Load(text));
        Assert.StartsWith(Path.Combine(_folder, "config.json") + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void WriteTo_ChangesOnlyWhatItIsTold()
    {
        var config = GemmaConfig.Load(Fixtures.Path("tiny/prequantized"));
        config.WriteTo(_folder, new GemmaConfigChanges { TieWordEmbeddings = false, Dtype = "bfloat16", RemoveQuantization = true });
        var expected = JsonNode.Parse(File.ReadAllText(Fixtures.Path("tiny/prequantized/config.json")))!.AsObject();
        expected["tie_word_embeddings"] = false;
        expected["dtype"] = "bfloat16";
        expected.Remove("quantization_config");
        string written = File.ReadAllText(Path.Combine(_folder, "config.json"));
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(written)), written);
        Assert.Contains("\"rms_norm_eps\": 1e-06,", written, StringComparison.Ordinal);
        var read = GemmaConfig.Load(_folder);
        Assert.Equal((false, "bfloat16", null), (read.TieWordEmbeddings, read.Dtype, read.Quantization));
    }

    [Fact]
    public void WriteTo_RepeatsTheFileWithoutChanges()
    {
        foreach (string folder in (string[])["tiny/model", "tiny/multimodal", "tiny/prequantized", "tiny/merged_fp32"])
        {
            GemmaConfig.Load(Fixtures.Path(folder)).WriteTo(_folder, new GemmaConfigChanges());
            Assert.Equal(
                File.ReadAllText(Fixtures.Path(folder + "/config.json")).TrimEnd(),
                File.ReadAllText(Path.Combine(_folder, "config.json")).TrimEnd());
        }
    }

    [Fact]
    public void WriteTo_AddsTheQuantizationThatTransformersWrites()
    {
        GemmaConfig.Load(Fixtures.Path("tiny/merged_fp32")).WriteTo(
            _folder, new GemmaConfigChanges { Quantization = new() { UseDoubleQuant = true } });
        string expected = JsonNode.Parse(File.ReadAllText(Fixtures.Path("tiny/prequantized/config.json")))!["quantization_config"]!
            .ToJsonString();
        Assert.Equal(
            expected, JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!["quantization_config"]!.ToJsonString());
    }

    [Fact]
    public void WriteTo_ChangesBothTiesOfAMultimodalModel()
    {
        GemmaConfig.Load(Fixtures.Path("tiny/multimodal")).WriteTo(_folder, new GemmaConfigChanges { TieWordEmbeddings = false });
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!;
        Assert.Equal((false, false), ((bool)json["tie_word_embeddings"]!, (bool)json["text_config"]!["tie_word_embeddings"]!));
        Assert.False(GemmaConfig.Load(_folder).TieWordEmbeddings);
    }

    [Fact]
    public void Preset_KnowsTheLargestSize()
    {
        var config = GemmaConfig.Preset("27B");
        Assert.Equal(
            (5376, 62, 32, 16, 128, 168.0, 8.0),
            (
                config.HiddenSize, config.NumHiddenLayers, config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim,
                config.QueryPreAttnScalar, config.RopeScalingFactor));
        Assert.Contains(
            "expected 270m, 1b, 4b, 12b, 27b, found 2b", Assert.Throws<LapidaryException>(() => GemmaConfig.Preset("2b")).Message,
            StringComparison.Ordinal);
    }

    private GemmaConfig Load(string json)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        return GemmaConfig.Load(_folder);
    }
}
