using Lapidary.Formats;

namespace Lapidary.Training.Tests.Configuration;

public class SftConfigTests
{
    [Fact]
    public void Validate_NamesThePropertyThatIsOutOfRange()
    {
        new SftConfig().Validate(hasEvaluation: false);

        Assert.Equal("MaxLength must be from 2 to 1048576, got 1.", Refused(new() { MaxLength = 1 }));
        Assert.Equal("WarmupRatio must be from 0 to 1, got 1.5.", Refused(new() { WarmupRatio = 1.5 }));
    }

    [Fact]
    public void Validate_RefusesARunThatTrainsNothing_OrHasNoPlace()
    {
        Assert.Contains("NumTrainEpochs must be above 0", Refused(new() { NumTrainEpochs = 0 }));
        new SftConfig { NumTrainEpochs = 0, MaxSteps = 5 }.Validate(hasEvaluation: false);
        Assert.Contains("OutputDir must name a folder", Refused(new() { OutputDir = " " }));
    }

    [Fact]
    public void Validate_WantsAnEvaluationWithEachCheckpoint_WhereTheBestIsLoaded()
    {
        var best = new SftConfig { LoadBestModelAtEnd = true };
        best.Validate(hasEvaluation: true);
        (best with { EvalStrategy = IntervalStrategy.Steps, SaveStrategy = IntervalStrategy.Steps, EvalSteps = 2, SaveSteps = 4 })
            .Validate(hasEvaluation: true);

        Assert.Contains("give eval_dataset or test_size", Refused(best, hasEvaluation: false));
        Assert.Contains("set SaveStrategy and EvalStrategy", Refused(best with { SaveStrategy = IntervalStrategy.No }));
        Assert.Contains("set SaveStrategy and EvalStrategy", Refused(
            best with { EvalStrategy = IntervalStrategy.Steps, SaveStrategy = IntervalStrategy.Steps, EvalSteps = 3, SaveSteps = 4 }));
    }

    [Fact]
    public void ForRanks_SetsTheAccumulationThatMakesUpTheGlobalBatch()
    {
        var config = new SftConfig { PerDeviceTrainBatchSize = 2, GlobalBatchSize = 24 };
        Assert.Equal([12, 6, 4, 3], new[] { 1, 2, 3, 4 }.Select(ranks => config.ForRanks(ranks).GradientAccumulationSteps));
        Assert.Equal(3, config.ForRanks(4).ForRanks(4, accumulationIsGiven: true).GradientAccumulationSteps);
        var none = new SftConfig();
        Assert.Same(none, none.ForRanks(7));

        Assert.Equal(
            "GlobalBatchSize: expected a multiple of 10, which is 2 PerDeviceTrainBatchSize × 5 ranks, found 24; set it to 20 or 30.",
            Refused(config, 5));
        Assert.Equal(
            "GlobalBatchSize: expected a multiple of 16, which is 2 PerDeviceTrainBatchSize × 8 ranks, found 24; set it to 16 or 32, "
            + "or PerDeviceTrainBatchSize to 1.",
            Refused(config, 8));
        Assert.EndsWith(
            "found 24; set it to 64, or PerDeviceTrainBatchSize to 24.", Refused(config with { PerDeviceTrainBatchSize = 64 }, 1));
        Assert.Equal(
            "GlobalBatchSize is 24, but 2 PerDeviceTrainBatchSize × 4 GradientAccumulationSteps × 2 ranks is 16; leave "
            + "GradientAccumulationSteps out, or set GlobalBatchSize to 16.",
            Refused(config, 2, accumulationIsGiven: true));
    }

    private static string Refused(SftConfig config, int ranks, bool accumulationIsGiven = false) =>
        Assert.Throws<LapidaryException>(() => config.ForRanks(ranks, accumulationIsGiven)).Message;

    private static string Refused(SftConfig config, bool hasEvaluation = true) =>
        Assert.Throws<LapidaryException>(() => config.Validate(hasEvaluation)).Message;
}
