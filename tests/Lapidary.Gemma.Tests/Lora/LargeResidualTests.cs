using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A residual stream beyond fp16's range, as large weights of post norms cause it in Gemma 3: with an fp32 stream, loss and
/// gradients stay those of fp32. (A stream in bf16 keeps the loss, but not these gradients: where a norm's weight is 1e5, what is left of
/// its input's gradient after a cancellation counts 1e5 times.)</summary>
[Collection(TestDevice.Cuda)]
public class LargeResidualTests
{
    private const int Layer = 1, Channel = 3;

    [Theory]
    [InlineData(1e5f)]
    [InlineData(7e5f)]
    public void LossAndGradients_InFloat16_AreTheCpus(float weight)
    {
        var (largest, loss, gradients) = Run(TestDevice.CudaFloat16, weight);
        var (_, expectedLoss, expectedGradients) = Run(TestDevice.Cpu, weight);

        Assert.True(largest > 65_520, $"The stream reaches only {largest}.");
        Close.Assert([(float)expectedLoss], [(float)loss], 4e-3, "loss");
        Close.Assert(expectedGradients, gradients, 5e-2, "gradients");
    }

    private static (float Largest, double Loss, float[] Gradients) Run(string device, float weight)
    {
        using var golden = new Golden("lora_grad");
        using var model = ModelRun.Load("model", new ModelOptions { DType = DType.Float32 }, device);
        var norm = Assert.Single(model.Norms, norm => norm.Name == $"model.layers.{Layer}.post_feedforward_layernorm.weight");
        float[] weights = ModelRun.Read(model.Backend, norm.Stored);
        weights[Channel] = weight;
        model.Backend.Write<float>(weights, norm.Stored);
        using var adapter = Adapter.Load(model, Fixtures.Path("tiny/adapter"), trainable: true);
        model.Attach(adapter);
        using var run = new ModelRun(model, ModelRun.Split(golden.Ids("input_ids"), 2), training: true);
        float[] gradients = [.. adapter.Parameters.SelectMany(parameter => ModelRun.Read(model.Backend, parameter.Gradient!))];
        return (run.Hidden(Layer + 1).Max(MathF.Abs), run.Loss, gradients);
    }
}
