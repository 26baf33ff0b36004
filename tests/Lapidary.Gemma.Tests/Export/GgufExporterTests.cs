using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Export;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>The content of GGUF files.</summary>
public class GgufExporterTests
{
    [Fact]
    public void Tensors_HaveLlamasNamesTypesAndNorms()
    {
        string model = GgufModels.Of();
        var gguf = new GgufReader(GgufModels.Export(model, GgufType.Bf16));

        using var checkpoint = Checkpoint.Open(model);
        Assert.Equal(checkpoint.Entries.Count, gguf.Tensors.Count);
        Assert.Equal([96, 1024], gguf.Tensors["token_embd.weight"].Shape);
        Assert.Equal([96, 192], gguf.Tensors["blk.6.ffn_gate.weight"].Shape);
        foreach (var (name, tensor) in gguf.Tensors) Assert.Equal(tensor.Shape.Length == 1 ? 0 : 30, tensor.Type);
        AssertSame("blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight", 0);
        AssertSame("blk.3.attn_output.weight", "model.layers.3.self_attn.o_proj.weight", 0);
        AssertSame("blk.3.ffn_down.weight", "model.layers.3.mlp.down_proj.weight", 0);
        AssertSame("blk.3.attn_norm.weight", "model.layers.3.input_layernorm.weight", 1);
        AssertSame("blk.3.post_attention_norm.weight", "model.layers.3.post_attention_layernorm.weight", 1);
        AssertSame("blk.3.ffn_norm.weight", "model.layers.3.pre_feedforward_layernorm.weight", 1);
        AssertSame("blk.3.post_ffw_norm.weight", "model.layers.3.post_feedforward_layernorm.weight", 1);
        AssertSame("blk.3.attn_q_norm.weight", "model.layers.3.self_attn.q_norm.weight", 1);
        AssertSame("output_norm.weight", "model.norm.weight", 1);

        void AssertSame(string name, string source, float plus)
        {
            var tensor = checkpoint.Get(source);
            float[] expected = new float[tensor.Count];
            FloatConversion.ToSingle(tensor.AsBytes(), tensor.DType, expected);
            Assert.Equal([.. expected.Select(value => value + plus)], gguf.Floats(name));
        }
    }

    [Fact]
    public void Keys_DescribeTheModel()
    {
        var keys = new GgufReader(GgufModels.Export(GgufModels.Of())).Keys;

        Assert.Equal("gemma3", keys["general.architecture"]);
        Assert.Equal(0u, keys["general.file_type"]);
        Assert.Equal(512u, keys["gemma3.context_length"]);
        Assert.Equal(32u, keys["gemma3.attention.key_length"]);
        Assert.Equal(16u, keys["gemma3.attention.sliding_window"]);
        Assert.Equal(2u, keys["gemma3.attention.head_count_kv"]);
        Assert.Equal(1e6f, keys["gemma3.rope.freq_base"]);
        Assert.Equal(1e4f, keys["gemma3.rope.freq_base_swa"]);
        Assert.DoesNotContain("gemma3.attention.sliding_window_pattern", keys.Keys);
        Assert.DoesNotContain("gemma3.rope.scaling.type", keys.Keys);
        Assert.Equal(1024, ((object[])keys["tokenizer.ggml.tokens"]).Length);
        Assert.Equal(false, keys["tokenizer.ggml.add_space_prefix"]);
        Assert.Equal(true, keys["tokenizer.ggml.add_bos_token"]);
        Assert.Equal(2u, keys["tokenizer.ggml.bos_token_id"]);
        Assert.DoesNotContain("generation -%}", (string)keys["tokenizer.chat_template"]);
    }

    [Fact]
    public void Keys_TellUnusualLayersAndScaling()
    {
        string model = GgufModels.Of(change: json =>
        {
            json["sliding_window_pattern"] = 3;
            json["rope_scaling"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = 8.0 };
        });
        var keys = new GgufReader(GgufModels.Export(model)).Keys;

        Assert.Equal([true, true, false, true, true, false, true], (object[])keys["gemma3.attention.sliding_window_pattern"]);
        Assert.Equal("linear", keys["gemma3.rope.scaling.type"]);
        Assert.Equal(8f, keys["gemma3.rope.scaling.factor"]);
    }

    [Fact]
    public void AnotherQueryScalar_IsFoldedIntoTheQueryNorm()
    {
        var plain = new GgufReader(GgufModels.Export(GgufModels.Of()));
        var folded = new GgufReader(GgufModels.Export(GgufModels.Of(change: json => json["query_pre_attn_scalar"] = 8)));

        Assert.Equal([.. plain.Floats("blk.0.attn_q_norm.weight").Select(value => value * 2)], folded.Floats("blk.0.attn_q_norm.weight"));
        Assert.Equal(plain.Floats("blk.0.attn_k_norm.weight"), folded.Floats("blk.0.attn_k_norm.weight"));
    }

    [Theory]
    [InlineData(GgufType.Q8_0, 8, 8, 1.0 / 254)]
    [InlineData(GgufType.Q4_0, 2, 8, 1.0 / 8)]
    public void Blocks_AreWithinHalfAStep(GgufType type, int matrix, int embedding, double share)
    {
        string model = GgufModels.Of();
        var exact = new GgufReader(GgufModels.Export(model));
        var rounded = new GgufReader(GgufModels.Export(model, type));

        Assert.Equal(embedding, rounded.Tensors["token_embd.weight"].Type);
        Assert.Equal(matrix, rounded.Tensors["blk.0.ffn_up.weight"].Type);
        Assert.Equal(0, rounded.Tensors["blk.0.ffn_norm.weight"].Type);
        float[] expected = exact.Floats("blk.0.ffn_up.weight"), found = rounded.Floats("blk.0.ffn_up.weight");
        for (int block = 0; block < expected.Length; block += 32)
        {
            double largest = expected.AsSpan(block, 32).ToArray().Max(Math.Abs);
            for (int i = block; i < block + 32; i++)
                Assert.True(Math.Abs(expected[i] - found[i]) <= largest * (share + 1e-3), $"element {i}: {expected[i]}, {found[i]}");
        }
    }

    [Fact]
    public void Multimodal_GivesItsTextPart()
    {
        var gguf = new GgufReader(GgufModels.Export(GgufModels.Of("multimodal")));

        Assert.DoesNotContain(gguf.Tensors.Keys, name => name.Contains("vision", StringComparison.Ordinal));
        Assert.Contains("token_embd.weight", gguf.Tensors.Keys);
        Assert.Equal(((object[])gguf.Keys["tokenizer.ggml.tokens"]).Length, gguf.Tensors["token_embd.weight"].Shape[1]);
    }

    [Fact]
    public void SameModel_GivesTheSameBytes()
    {
        string model = GgufModels.Of();
        Assert.Equal(
            File.ReadAllBytes(GgufModels.Export(model, GgufType.Q4_0)), File.ReadAllBytes(GgufModels.Export(model, GgufType.Q4_0)));
    }

    [Fact]
    public void NothingIsReplacedUnasked_AndNothingHalfIsLeft()
    {
        string folder = Fixtures.TemporaryFolder(), file = Path.Combine(folder, "model.gguf"), model = GgufModels.Of();
        File.WriteAllText(file, "mine");

        var error = Assert.Throws<LapidaryException>(() => GgufExporter.Export(model, file, new()));
        Assert.Contains($"{file}: is there already", error.Message);
        Assert.Equal("mine", File.ReadAllText(file));

        GgufExporter.Export(model, file, new() { Overwrite = true });
        Assert.Equal(1, new GgufReader(file).Keys.Count(key => key.Key == "general.architecture"));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        string other = Path.Combine(folder, "other.gguf");
        Assert.Throws<OperationCanceledException>(() => GgufExporter.Export(model, other, new() { CancellationToken = stop.Token }));
        Assert.Equal([file], Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void WhatLlamaCannotHave_IsRefused()
    {
        string file = Path.Combine(Fixtures.TemporaryFolder(), "model.gguf");
        Assert.Contains("in 4 bits", Error(Fixtures.Path("tiny/prequantized")));
        Assert.Contains("expected tokenizer.json", Error(Fixtures.Path("tiny/model")));
        Assert.False(File.Exists(file));

        string Error(string model) => Assert.Throws<LapidaryException>(() => GgufExporter.Export(model, file, new())).Message;
    }

    [Fact]
    public void GenerationBlocks_LeaveTheTextAsItWas()
    {
        string template = File.ReadAllText(WithTemplate());
        string plain = GgufTemplate.WithoutGenerationBlocks(template);
        ChatTurn[] turns = [new("system", "be brief"), new("user", " a "), new("assistant", "b"), new("user", "c")];
        var tokens = new Dictionary<string, string> { ["bos_token"] = "<bos>" };

        Assert.DoesNotContain("generation", plain.Replace("add_generation_prompt", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(
            ChatTemplate.Parse(template, tokens).Render(turns, addGenerationPrompt: true),
            ChatTemplate.Parse(plain, tokens).Render(turns, addGenerationPrompt: true));

        static string WithTemplate()
        {
            string path = Path.Combine(Fixtures.TemporaryFolder(), "chat_template.jinja");
            File.WriteAllText(path, ChatTemplate.TextOf(Fixtures.SmallTokenizer));
            return path;
        }
    }
}
