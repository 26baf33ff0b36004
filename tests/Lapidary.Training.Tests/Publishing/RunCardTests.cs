using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Publishing;

namespace Lapidary.Training.Tests.Publishing;

public class RunCardTests
{
    private static readonly TrainerState State = new()
    {
        GlobalStep = 40,
        MaxSteps = 40,
        Epoch = 2,
        LogHistory =
        [
            .. Enumerable.Range(1, 40).Select(step => new LogEntry { Step = step, Epoch = step / 20.0, Loss = 3.0 / step }),
            new LogEntry { Step = 40, Epoch = 2, EvalLoss = 0.5, EvalMeanTokenAccuracy = 0.9 },
        ],
    };

    private static string Card(LoraConfig? lora = null, SftConfig? config = null, params string[] datasets) =>
        new RunCard(lora ?? new LoraConfig { BaseModelNameOrPath = "google/gemma-3-1b-pt" }, config ?? new SftConfig(), State)
        {
            Datasets = datasets,
            TrainRows = 12_500,
        }.ToText();

    [Fact]
    public void Card_HasACourseOfLosses_OfAFewLines()
    {
        string card = Card();
        string[] lines = [.. card.Split('\n').SkipWhile(line => !line.StartsWith("| step", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'))];
        Assert.Equal(12, lines.Length);
        Assert.Equal("| 1 | 0.05 | 3 |  |", lines[0]);
        Assert.Equal("| 40 | 2 | 0.075 | 0.5 |", lines[^1]);
    }

    [Fact]
    public void Card_HasTheEvaluationOfTheCheckpointThatTheWeightsAreOf()
    {
        var state = new TrainerState
        {
            GlobalStep = 40,
            MaxSteps = 40,
            LoadedCheckpoint = "checkpoint-20",
            LogHistory =
            [
                new LogEntry { Step = 20, EvalLoss = 0.5, EvalMeanTokenAccuracy = 0.9, EvalMetric = "even", EvalMetricValue = 0.75 },
                new LogEntry { Step = 40, EvalLoss = 0.7, EvalMeanTokenAccuracy = 0.8, EvalMetric = "even", EvalMetricValue = 0.25 },
            ],
        };
        string card = new RunCard(new LoraConfig(), new SftConfig(), state).ToText();
        Assert.Contains(
            "| weights of | step 20, the best evaluation |\n| evaluation loss | 0.5 |\n| evaluation token accuracy | 0.9 |\n"
            + "| even | 0.75 |\n",
            card, StringComparison.Ordinal);
        Assert.Contains("| step | epoch | loss | evaluation loss | even |\n", card, StringComparison.Ordinal);
        Assert.Contains("| 40 | 0 |  | 0.7 | 0.25 |\n", card, StringComparison.Ordinal);
        card = new RunCard(new LoraConfig(), new SftConfig(), state with { LoadedCheckpoint = null }).ToText();
        Assert.Contains("| evaluation loss | 0.7 |", card, StringComparison.Ordinal);
        Assert.DoesNotContain("weights of", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Card_TellsWhatDiffersFromTheDefaults_AndNothingOfTheMachine()
    {
        string card = Card(config: new SftConfig { AssistantOnlyLoss = true, OutputDir = "/home/me/secret place/run" });
        Assert.Contains("| assistant_only_loss | true |", card, StringComparison.Ordinal);
        Assert.DoesNotContain("adam_beta1", card, StringComparison.Ordinal);
        Assert.DoesNotContain("/home", card, StringComparison.Ordinal);
        Assert.DoesNotContain("logging_steps", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Card_NamesDataOfTheHub_AndNoFiles()
    {
        string card = Card(datasets: ["gretelai/synthetic_text_to_sql", "/home/me/customers.jsonl"]);
        Assert.Contains("Data: gretelai/synthetic_text_to_sql, local data; 12,500 rows to train on.", card, StringComparison.Ordinal);
        Assert.DoesNotContain("customers", card, StringComparison.Ordinal);
    }

    /// <summary>Gemma's terms are those of Gemma's weights: of a base with an id, or with a size that Google published.</summary>
    [Theory]
    [InlineData("google/gemma-3-1b-pt", null, true)]
    [InlineData("./my-gemma", "1b", true)]
    [InlineData("./my-gemma", null, false)]
    public void Card_ClaimsGemmasLicence_OfGemmasWeights(string name, string? size, bool isGemma)
    {
        string card = new RunCard(Lora: null, new SftConfig(), State)
        {
            Base = name,
            BaseConfig = size is null ? GemmaConfig.Load(Fixtures.Path("tiny/model")) : GemmaConfig.Preset(size),
        }.ToText();
        Assert.Equal(isGemma, card.Contains("license: gemma\n", StringComparison.Ordinal));
        Assert.Equal(isGemma, card.Contains("Gemma Terms of Use", StringComparison.Ordinal));
        Assert.Equal(!isGemma, card.Contains("A model of Gemma's architecture, fine-tuned (all weights)", StringComparison.Ordinal));
    }

    /// <summary>The rule of vLLM's peft_helper.py; nobody runs it here.</summary>
    [Theory]
    [InlineData(16, null, "max_lora_rank=16")]
    [InlineData(20, null, "max_lora_rank=32")]
    [InlineData(1024, null, "merge it first")]
    [InlineData(16, "lm_head", "This adapter saves lm_head whole, so merge it first")]
    public void Card_SaysWhatVllmsRuleIs(int rank, string? saved, string words)
    {
        string card = Card(new LoraConfig
        {
            BaseModelNameOrPath = "google/gemma-3-1b-pt",
            R = rank,
            ModulesToSave = saved is null ? null : [saved],
        });
        Assert.Contains(words, card, StringComparison.Ordinal);
        Assert.Contains("vllm/lora/peft_helper.py", card, StringComparison.Ordinal);
    }
}
