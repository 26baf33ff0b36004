using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A residual stream beyond fp16's range, as large weights of post norms cause it in Gemma 3: in fp16 too, loss and gradients stay
/// those of fp32.</summary>
[Collection(TestDevice.Cuda)]
public class LargeResidualTests
{
    private const int Layer = 1, Channel = 3;

    public static TheoryData<string, float> Cases { get; } = new()
    {
        { TestDevice.Cuda, 1e5f }, { TestDevice.Cuda, 7e5f }, { TestDevice.CudaFloat16, 1e5f }, { TestDevice.CudaFloat16, 7e5f },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void LossAndGradients_AreTheCpus(string device, float weight)
    {
        var (largest, loss, gradients) = Run(device, weight);
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
