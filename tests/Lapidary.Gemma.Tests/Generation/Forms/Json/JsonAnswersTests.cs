using System.Text.Json;
using Json.Schema;
using Lapidary.Engine;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.Gemma.Generation.Forms.Json;
using Lapidary.Gemma.Tests.Text;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation.Forms.Json;

/// <summary>Answers of a model with random weights, drawn at a high temperature. Each has its schema, says JsonSchema.Net, unless it is
/// cut.</summary>
public class JsonAnswersTests
{
    [Fact]
    public async Task RandomAnswers_HaveTheirSchema_OrAreCut()
    {
        var tokenizer = TokenizerFixtures.Small;
        var config = GemmaConfig.Load(Fixtures.Path("tiny/model")) with { VocabSize = tokenizer.VocabSize, MaxPositionEmbeddings = 512 };
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Random(config, backend, new ModelOptions { DType = DType.Float32 }, seed: 5);
        using var engine = new GenerationEngine(model, maxTexts: 8);
        int[] prompt = tokenizer.EncodePrompt("Answer in JSON.");
        var asked = Enumerable.Range(0, 80).Select(async seed =>
        {
            string schema = new RandomSchema(seed).New().ToJsonString();
            var options = new GenerationOptions
            {
                MaxNewTokens = 250,
                DoSample = seed % 10 > 0,
                Temperature = 2,
                TopK = seed % 2 * 64,
                Seed = seed,
                StopTokenIds = [tokenizer.EosTokenId!.Value],
                Form = new TokenForm(JsonForm.Of(JsonElement.Parse(schema)), tokenizer),
            };
            return (schema, await engine.GenerateAsync(prompt, options, cancellationToken: TestContext.Current.CancellationToken));
        });
        int whole = 0;
        foreach (var (schema, answer) in await Task.WhenAll(asked))
        {
            if (answer.FinishReason == FinishReason.Length) continue;
            string text = tokenizer.Decode([.. answer.Ids], skipSpecialTokens: true);
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            Assert.True(JsonSchema.FromText(schema).Evaluate(json.RootElement).IsValid, $"{schema}\n{text}");
            whole++;
        }

        Assert.True(whole > 40, $"{whole}");
    }
}
