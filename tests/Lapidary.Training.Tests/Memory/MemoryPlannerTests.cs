using Lapidary.Engine;
using Lapidary.Engine.Cuda;
using Lapidary.Gemma;

namespace Lapidary.Training.Tests;

public class MemoryPlannerTests
{
    [Theory]
    [InlineData("1b", 512, 1, 4, true, 7.2)]
    [InlineData("1b", 512, 1, 4, false, 2.7)]
    [InlineData("4b", 1024, 8, 1, false, 5.7)]
    [InlineData("12b", 512, 1, 4, false, 9.1)]
    [InlineData("27b", 512, 1, 4, false, 24)]
    public void Plan_OfPublishedSizesOnAGpu_StaysBelowThePeersPeak(
        string size, int maxLength, int batchSize, int accumulation, bool whole, double gibibytes)
    {
        var config = new SftConfig
        {
            MaxLength = maxLength,
            PerDeviceTrainBatchSize = batchSize,
            GradientAccumulationSteps = accumulation,
            GradientCheckpointing = GradientCheckpointing.True,
        };
        var lora = whole ? LoraConfig.Guide : LoraConfig.Guide with { ModulesToSave = null };
        using var counter = CudaBackend.CreateCounter(device: null);
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset(size), counter, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var adapter = Adapter.Skeleton(model, lora);
        long budget = (long)(gibibytes * (1L << 30));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var plan = new MemoryPlanner(model, adapter, config, budget).Plan();

        Assert.True(plan.Fits, $"{plan.Predicted.TotalBytes / (double)(1L << 30):F3} {plan.Predicted} {plan.Steps}");
        TestContext.Current.SendDiagnosticMessage($"{size} {watch.Elapsed.TotalMilliseconds} {plan.Predicted.TotalBytes / (double)(1L << 30):F3} {plan.Predicted} {plan.Steps}");
    }
}
