using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Optimizers;
using Lapidary.Training.Tests.Ranks;

namespace Lapidary.Training.Tests;

/// <summary>Steps whose loss is scaled, and which are run again where gradients are too large for that. In fp32 every power of two gives
/// the same bits, so that the CPU shows what fp16 does: what is far from 1 takes the place of what is beyond 65,504.</summary>
public class LossScaleTests
{
    /// <summary>Gradients of B are 2.5e5 times larger than they would be, and leave fp32's range with <see cref="TooLarge"/>.</summary>
    private const double Alpha = 1e6;

    private const int TooLarge = 120;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Without clipping, whose factor would be beyond the smallest numbers together with the scale.</summary>
    private static SftConfig Config => TrainerRun.Small() with
    {
        MaxSteps = 4,
        GradientAccumulationSteps = 2,
        LearningRate = 1e-8,
        MaxGradNorm = 0,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 1,
    };

    [Fact]
    public void Scale_OfOtherTypesThanFloat16_IsNone()
    {
        foreach (var type in new[] { DType.Float32, DType.BFloat16 })
        {
            var scale = LossScale.Of(type);
            Assert.Null(scale.Exponent);
            Assert.Equal((0.25f, 1f), (scale.Seed(4), scale.ToGradients(4)));
            Assert.False(scale.TryLower());
            Assert.Null(scale.Kept);
            scale.Restore(new(3, 4, 1));
            scale.CountClean();
            Assert.Null(scale.Exponent);
            Assert.Equal(new(3, 4, 1), scale.Kept);
        }

        var half = LossScale.Of(DType.Float16);
        Assert.Equal((5, 32f, 1f / 128), (half.Exponent!.Value, half.Seed(4), half.ToGradients(4)));
        Assert.Equal(0, half.ToGradients(0));
    }

    [Fact]
    public void Scale_FallsByTwo_AndGrowsByOneAfterManyCleanSteps()
    {
        var scale = LossScale.Of(DType.Float16);
        void Run(int steps)
        {
            for (int i = 0; i < steps; i++) scale.CountClean();
        }

        Run(1999);
        Assert.True(scale.TryLower());
        Assert.Equal((3, 0), (scale.Exponent, scale.CleanSteps));
        Run(1999);
        Assert.Equal((3, 1999), (scale.Exponent, scale.CleanSteps));
        Run(1);
        Assert.Equal((4, 0), (scale.Exponent, scale.CleanSteps));
        Run(20 * 2000);
        Assert.Equal(10, scale.Exponent);
        int falls = 0;
        while (scale.TryLower()) falls++;
        Assert.Equal((9, -8), (falls, scale.Exponent));
    }

    [Fact]
    public void Train_GivesTheSameBits_WithAnyScaleThatFits()
    {
        byte[] five = Train(Config, 5).Adapter;
        foreach (int exponent in new[] { -4, 0, 12 }) Assert.Equal(five, Train(Config, exponent).Adapter);

        // The mean's 1 / tokens is a factor that rounds in other places.
        var (state, plain) = (Train(Config, 5).State, Train(Config, exponent: null).State);
        foreach (var (one, other) in state.LogHistory.Zip(plain.LogHistory))
        {
            Assert.Equal(one.Loss!.Value, other.Loss!.Value, 1e-5);
            Assert.Equal(1, one.GradNorm!.Value / other.GradNorm!.Value, 1e-5);
        }
    }

    /// <summary>Also with the embedding among the trained weights: no gradient that is not finite reaches weights or moments.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("embed_tokens")]
    public void Train_RunsAStepAgain_WhereItsGradientsAreTooLarge_AndLosesNothing(string? saved)
    {
        var whole = Train(Config, 5, saved: saved);
        var again = Train(Config, TooLarge, saved: saved);

        Assert.Equal(whole.Adapter, again.Adapter); // the same rows, dropout, rates and moments
        Assert.Equal(whole.State.GlobalStep, again.State.GlobalStep);
        Assert.Equal(whole.State.LogHistory.Select(entry => entry.GradNorm), again.State.LogHistory.Select(entry => entry.GradNorm));
        Assert.Equal((5, 4), whole.Scale);
        Assert.InRange(again.Scale.Exponent, 90, TooLarge - 4);
        Assert.Equal(4, again.Scale.CleanSteps);
        Assert.Equal(new LossScaleState(5, 4, 0), whole.State.LossScale);
        Assert.Equal(new LossScaleState(again.Scale.Exponent, 4, RepeatedSteps: 1), again.State.LossScale);
        string message = Assert.Single(again.Messages, text => text.Contains("run again", StringComparison.Ordinal));
        Assert.Contains($"Step 1 was run again with a loss scale of 2^{again.Scale.Exponent}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_StoppedAfterARepeatedStep_GoesOnWithTheSameScaleAndBits()
    {
        var whole = Train(Config, TooLarge);
        var config = Config;
        Train(config with { MaxSteps = 2 }, TooLarge);
        var resumed = Train(config, TooLarge, Path.Combine(config.OutputDir, "checkpoint-2"));

        Assert.Equal(whole.Adapter, resumed.Adapter);
        Assert.Equal(whole.Scale, resumed.Scale);
        Assert.Equal(1, resumed.State.LossScale!.Value.RepeatedSteps);
        var results = JsonNode.Parse(File.ReadAllText(Path.Combine(config.OutputDir, "manifest.json")))!["results"]!;
        Assert.Equal((resumed.Scale.Exponent, 1), ((int)results["loss_scale_exponent"]!, (int)results["repeated_steps"]!));
        Assert.DoesNotContain(resumed.Messages, text => text.Contains("run again", StringComparison.Ordinal));
    }

    /// <summary>A run in float16 that goes on for some steps on the CPU, and then in float16 again.</summary>
    [Fact]
    public void Train_OnADeviceWithoutAScale_KeepsThatOfTheSteps_BeforeIt()
    {
        const int Exponent = 7;
        var config = Config;
        string Checkpoint(int step) => Path.Combine(config.OutputDir, $"checkpoint-{step}");
        Assert.Equal((Exponent, 1), Train(config with { MaxSteps = 1 }, Exponent).Scale);
        Assert.Equal((Exponent, 1), Train(config with { MaxSteps = 3 }, exponent: null, Checkpoint(1)).Scale);
        Assert.Equal((Exponent, 2), Train(config, 5, Checkpoint(3)).Scale);
    }

    [Fact]
    public void Train_WithoutAScale_RecordsNone()
    {
        var config = Config;
        Train(config, exponent: null);
        Assert.False(ScaledRun.StateOf(config.OutputDir).ContainsKey("loss_scale"));
    }

    [Theory]
    [InlineData("{\"exponent\": 300, \"clean_steps\": 0}", "loss_scale.exponent")]
    [InlineData("{\"exponent\": -10, \"clean_steps\": 0}", "loss_scale.exponent")]
    [InlineData("{\"exponent\": 3, \"clean_steps\": 2000}", "loss_scale.clean_steps")]
    [InlineData("{\"exponent\": 3}", "loss_scale.clean_steps")]
    [InlineData("{\"exponent\": 3, \"clean_steps\": 0, \"repeated_steps\": -1}", "loss_scale.repeated_steps")]
    public void Train_OfADamagedScale_IsOneClearLine(string value, string words)
    {
        var config = Config with { MaxSteps = 1 };
        Train(config, 5);
        string folder = Path.Combine(config.OutputDir, "checkpoint-1"), path = Path.Combine(folder, "lapidary_state.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["loss_scale"] = JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString());

        var error = Assert.Throws<LapidaryException>(() => Train(config with { MaxSteps = 2 }, 5, folder));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Parts of matrices on three ranks, whose norms are exchanged: all of them see the same norm, so all repeat alike.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_OnSeveralRanks_RepeatsAStepOnAllOfThem(bool isFull)
    {
        var runs = new RankRuns(Config with { PerDeviceTrainBatchSize = 3, LearningRate = isFull ? 1e-5 : 1e-8 }, TrainerRun.RandomRows(12))
        {
            IsFull = isFull,
            Lora = LoraConfig.Guide with { R = 4, LoraAlpha = Alpha, LoraDropout = 0.1, ModulesToSave = null },
        };
        var plain = (runs with { Config = ScaledRun.Fresh(runs.Config), LossScaleExponent = 5 }).Run(3);
        var again = (runs with { Config = ScaledRun.Fresh(runs.Config), LossScaleExponent = isFull ? 126 : TooLarge }).Run(3);

        Assert.All(again, result => Assert.Equal(again[0].Values, result.Values));
        Assert.Equal(plain[0].State.LogHistory.Count, again[0].State.LogHistory.Count);
        foreach (var (one, other) in plain[0].State.LogHistory.Zip(again[0].State.LogHistory))
        {
            Assert.Equal(one.Loss!.Value, other.Loss!.Value, 1e-5);
            Assert.Equal(1, one.GradNorm!.Value / other.GradNorm!.Value, 1e-4);
        }

        Assert.InRange((int)ScaledRun.StateOf(again[0].State.Config!.OutputDir)["loss_scale"]!["exponent"]!, 90, 124);
    }

    private static ScaledRun Train(SftConfig config, int? exponent, string? resume = null, string? saved = null) =>
        ScaledRun.Of(TestDevice.Cpu, config, exponent, Alpha, resume, saved);
}
