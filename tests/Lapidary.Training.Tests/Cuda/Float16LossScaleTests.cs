using Lapidary.Tests;

namespace Lapidary.Training.Tests.Cuda;

/// <summary>Scaled losses where they are needed: with activations in fp16.</summary>
[Collection(TestDevice.Cuda)]
public class Float16LossScaleTests
{
    private const double Alpha = 16;

    /// <summary>The gradient of a token's loss with it is 65,536 or nearly so, which is no fp16 number.</summary>
    private const int TooLarge = 16;

    private static SftConfig Config => TrainerRun.Small() with
    {
        MaxSteps = 4,
        GradientAccumulationSteps = 2,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 1,
    };

    [Fact]
    public void Train_HasTheCpusLossesAndNorms_WithScalesOfAWideRange()
    {
        var expected = ScaledRun.Of(TestDevice.Cpu, Config, exponent: null, Alpha);
        foreach (int? exponent in new int?[] { null, -4, 12 })
        {
            var run = ScaledRun.Of(TestDevice.CudaFloat16, Config, exponent, Alpha);
            Assert.Equal((exponent ?? 5, 4), run.Scale);
            foreach (var (want, got) in expected.State.LogHistory.Zip(run.State.LogHistory))
            {
                Assert.Equal(1, got.Loss!.Value / want.Loss!.Value, 2e-3);
                Assert.Equal(1, got.GradNorm!.Value / want.GradNorm!.Value, 2e-2);
            }
        }
    }

    [Fact]
    public void Train_FromTooLargeAScale_EndsAsIfItHadBeenSmaller()
    {
        var again = ScaledRun.Of(TestDevice.CudaFloat16, Config, TooLarge, Alpha);
        Assert.InRange(again.Scale.Exponent, 0, TooLarge - 2);
        Assert.Contains(again.Messages, text => text.Contains("Step 1 was run again", StringComparison.Ordinal));
        var smaller = ScaledRun.Of(TestDevice.CudaFloat16, Config, again.Scale.Exponent, Alpha);
        Assert.Equal(smaller.Adapter, again.Adapter);
        Assert.Equal(smaller.State.LogHistory.Select(entry => entry.Loss), again.State.LogHistory.Select(entry => entry.Loss));
    }

    [Fact]
    public void Train_StoppedAfterARepeatedStep_GoesOnToTheSameBits()
    {
        var whole = ScaledRun.Of(TestDevice.CudaFloat16, Config, TooLarge, Alpha);
        var config = Config;
        ScaledRun.Of(TestDevice.CudaFloat16, config with { MaxSteps = 2 }, TooLarge, Alpha);
        var resumed = ScaledRun.Of(TestDevice.CudaFloat16, config, TooLarge, Alpha, Path.Combine(config.OutputDir, "checkpoint-2"));
        Assert.Equal(whole.Adapter, resumed.Adapter);
        Assert.Equal(whole.Scale, resumed.Scale);
    }
}

/// <summary>The tests of <see cref="ResidualScaleTests"/> on the GPU, in fp16, whose residual stream is fp32.</summary>
[Collection(TestDevice.Cuda)]
public class Float16ResidualScaleTests : ResidualScaleTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.CudaFloat16;
}
