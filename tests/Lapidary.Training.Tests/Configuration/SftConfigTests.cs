using Lapidary.Formats;

namespace Lapidary.Training.Tests.Configuration;

public class SftConfigTests
{
    [Fact]
    public void Validate_NamesTheKeyThatIsOutOfRange()
    {
        new SftConfig().Validate(hasEvaluation: false);

        Assert.Equal("max_length must be from 2 to 1048576, got 1.", Refused(new() { MaxLength = 1 }));
        Assert.Equal("warmup_ratio must be from 0 to 1, got 1.5.", Refused(new() { WarmupRatio = 1.5 }));
    }

    [Fact]
    public void Validate_RefusesARunThatTrainsNothing_OrHasNoPlace()
    {
        Assert.Contains("num_train_epochs must be above 0", Refused(new() { NumTrainEpochs = 0 }));
        new SftConfig { NumTrainEpochs = 0, MaxSteps = 5 }.Validate(hasEvaluation: false);
        Assert.Contains("output_dir must name a folder", Refused(new() { OutputDir = " " }));
    }

    [Fact]
    public void Validate_WantsAnEvaluationWithEachCheckpoint_WhereTheBestIsLoaded()
    {
        var best = new SftConfig { LoadBestModelAtEnd = true };
        best.Validate(hasEvaluation: true);
        (best with { EvalStrategy = IntervalStrategy.Steps, SaveStrategy = IntervalStrategy.Steps, EvalSteps = 2, SaveSteps = 4 })
            .Validate(hasEvaluation: true);

        Assert.Contains("give eval_dataset or test_size", Refused(best, hasEvaluation: false));
        Assert.Contains("set save_strategy and eval_strategy", Refused(best with { SaveStrategy = IntervalStrategy.No }));
        Assert.Contains("set save_strategy and eval_strategy", Refused(
            best with { EvalStrategy = IntervalStrategy.Steps, SaveStrategy = IntervalStrategy.Steps, EvalSteps = 3, SaveSteps = 4 }));
    }

    private static string Refused(SftConfig config, bool hasEvaluation = true) =>
        Assert.Throws<LapidaryException>(() => config.Validate(hasEvaluation)).Message;
}
