using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Tests;

public class ModelStepsTests
{
    [Theory]
    [InlineData(100, 0, 25, true)]
    [InlineData(100, 1, 25, true)]
    [InlineData(100, 25, 26, false)]
    [InlineData(100, 26, 50, true)]
    [InlineData(100, 75, 76, false)]
    [InlineData(100, 76, 100, true)]
    [InlineData(7, 1, 2, false)]
    [InlineData(7, 6, 7, true)]
    public void For_RecordsAStepPerQuarterOfLabels(int tokens, int labels, int others, bool shared)
    {
        using var counter = CudaBackend.CreateCounter(device: null);
        var options = new ModelOptions { Quantization = QuantizationKind.Nf4 };
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset("270m"), counter, options);
        using var steps = ModelSteps.ForEvaluation(model, counter);

        var step = steps.For(tokens, labels);

        Assert.Same(step, steps.For(tokens, labels));
        Assert.Equal(shared, ReferenceEquals(step, steps.For(tokens, others)));
        Assert.NotSame(step, steps.For(tokens + 1, labels));
    }
}
