using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Gemma.Tests.Text;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A real llama.cpp, in npm's node-llama-cpp, reads our files and computes what we compute.</summary>
public class LlamaCppTests
{
    private static readonly string Client = Path.Combine(Fixtures.Repository, "tests", "clients", "llama");

    private static readonly int[] Ids = [2, .. Enumerable.Range(0, 63).Select(i => 10 + i * 37 % 900)];

    /// <summary>Longer than the window of 16, over sliding and full layers. llama.cpp looks GELU up in a table of half-precision numbers,
    /// and rounds activations to 8 bits where weights are in blocks.</summary>
    [Theory]
    [InlineData(GgufType.F32, 5e-3, "model")]
    [InlineData(GgufType.F16, 5e-3, "model")]
    [InlineData(GgufType.Bf16, 1e-2, "model")]
    [InlineData(GgufType.Q8_0, 3e-2, "model")]
    [InlineData(GgufType.Q4_0, 0.15, "model")]
    [InlineData(GgufType.F32, 5e-3, "multimodal")]
    public async Task Probabilities_AreOurs(GgufType type, double share, string fixture)
    {
        string model = GgufModels.Of(fixture);
        using var answer = await Ask(GgufModels.Export(model, type), [], Ids);

        double distance = Distance(model, answer);
        Assert.True(distance <= share, $"{distance:G3} of the range of the log-probabilities");
    }

    [Fact]
    public async Task UntiedHeadFoldedScalarAndLayerPattern_ComputeTheSame()
    {
        string model = GgufModels.Random(Fixtures.SmallTokenizer, json =>
        {
            json["tie_word_embeddings"] = false;
            json["query_pre_attn_scalar"] = 8;
            json["sliding_window_pattern"] = 2;
            json["rope_scaling"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = 8.0 };
        });
        using var answer = await Ask(GgufModels.Export(model), [], Ids);

        double distance = Distance(model, answer);
        Assert.True(distance <= 5e-3, $"{distance:G3} of the range of the log-probabilities");
        foreach (var (key, value) in (ReadOnlySpan<(string, JsonNode?)>)
            [("query_pre_attn_scalar", 32), ("sliding_window_pattern", 6), ("rope_scaling", null)])
        {
            double other = Distance(GgufModels.With(model, key, value), answer);
            Assert.True(other > 3 * distance, $"{key} makes no difference: {other:G3} and {distance:G3}");
        }
    }

    [Fact]
    public async Task SmallTokenizer_GivesTheSameIds() =>
        await AssertSameIds(GgufModels.Of(), TokenizerFixtures.Small, "tokenizer/small-cases.json");

    [Fact]
    public async Task GemmasTokenizer_GivesTheSameIds()
    {
        string model = GgufModels.Random(TokenizerFixtures.RealFolder, json =>
        {
            json["vocab_size"] = 262_144;
            json["hidden_size"] = 32;
            json["num_hidden_layers"] = 1;
        });
        await AssertSameIds(model, TokenizerFixtures.Real, "tokenizer/cases.json");
    }

    private static async Task AssertSameIds(string model, Tokenizer tokenizer, string cases)
    {
        // llama.cpp takes a literal ▁ for a space.
        string[] texts = [.. TokenizerFixtures.Json(cases).GetProperty("cases").EnumerateArray().Select(example => example.Text("text"))
            .Where(text => !text.Contains('\u2581') && text.Length > 0)];
        using var answer = await Ask(GgufModels.Export(model), texts);

        var special = answer.RootElement.GetProperty("special");
        var wrong = new List<string>();
        for (int i = 0; i < texts.Length; i++)
        {
            int[] found = [.. special[i].EnumerateArray().Select(id => id.GetInt32())];
            int[] expected = tokenizer.Encode(texts[i], addSpecialTokens: false);
            if (!expected.SequenceEqual(found)) wrong.Add($"{texts[i]}: {string.Join(' ', expected)}, found {string.Join(' ', found)}");
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {texts.Length}:\n{string.Join('\n', wrong.Take(20))}");
        Assert.True(texts.Length > 50);
    }

    /// <summary>The largest distance of a log-probability, as a share of the range of all of them.</summary>
    private static double Distance(string model, JsonDocument answer)
    {
        using var ours = GemmaModel.Load(model, new CpuBackend(threads: 1));
        using var run = new ModelRun(ours, [Ids]);
        int vocabulary = ours.Config.VocabSize;
        var positions = answer.RootElement.GetProperty("positions")[0];
        Assert.Equal(Ids.Length, positions.GetArrayLength());
        double worst = 0, range = 0;
        for (int row = 0; row < Ids.Length; row++)
        {
            var logits = run.Logits.AsSpan(row * vocabulary, vocabulary).ToArray();
            double largest = logits.Max(), sum = Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
            range = Math.Max(range, largest - logits.Min());
            foreach (var pair in positions[row].EnumerateArray())
                worst = Math.Max(worst, Math.Abs(Math.Log(pair[1].GetDouble()) - (logits[pair[0].GetInt32()] - largest - sum)));
        }

        return worst / range;
    }

    private static async Task<JsonDocument> Ask(string gguf, string[] texts, params int[][] ids)
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(Client, "node_modules", "node-llama-cpp")),
            "node-llama-cpp is not installed: see eng/install-node-client.sh");
        string folder = Fixtures.TemporaryFolder();
        string request = Path.Combine(folder, "request.json"), answer = Path.Combine(folder, "answer.json");
        await File.WriteAllTextAsync(
            request, JsonSerializer.Serialize(new { gguf, texts, ids }), TestContext.Current.CancellationToken);
        var start = new ProcessStartInfo("node", ["check.mjs", request, answer])
        {
            WorkingDirectory = Client,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        var output = node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(node.ExitCode == 0, errors + await output);
        return JsonDocument.Parse(await File.ReadAllBytesAsync(answer, TestContext.Current.CancellationToken));
    }
}
