using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>Tests of whole runs on a device.</summary>
public abstract class TrainerTests
{
    /// <summary>Where the tests of this class run.</summary>
    protected virtual string Device => TestDevice.Cpu;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Losses of six steps of QLoRA with dropout and two micro-batches a step.</summary>
    protected static double[] QloraLosses(string device, bool packing)
    {
        var config = TrainerRun.Small() with
        {
            Packing = packing,
            MaxLength = packing ? 100 : 512,
            MaxSteps = 6,
            GradientAccumulationSteps = 2,
        };
        using var run = new TrainerRun(
            device, config, TrainerRun.RandomRows(24), adapter: null, dropout: 0.1, quantization: QuantizationKind.Nf4);
        return [.. run.Trainer.Train(cancellationToken: Token).LogHistory.Select(entry => entry.Loss!.Value)];
    }

    protected static void AssertClose(double expected, double actual, double relative, string what)
    {
        double error = Math.Abs(actual - expected) / Math.Abs(expected);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: relative error {error:E2}");
        Assert.True(error <= relative, $"{what}: {actual:G7}, expected {expected:G7}; relative error {error:E2}, allowed {relative:E2}");
    }
}
