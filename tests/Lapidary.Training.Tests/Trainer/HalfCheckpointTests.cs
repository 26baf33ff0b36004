using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>A checkpoint in fp16 trains like the one that it was rounded from.</summary>
public class HalfCheckpointTests
{
    [Theory]
    [InlineData(QuantizationKind.None, false)]
    [InlineData(QuantizationKind.Nf4, false)]
    [InlineData(QuantizationKind.None, true)]
    public void Train_FromFloat16_HasTheLossesOfTheWiderCheckpoint(QuantizationKind quantization, bool isFull)
    {
        double[] wide = Losses(Fixtures.Path("tiny/model")), half = Losses(Variant.Of(Fixtures.Path("tiny/model"), ToHalf));
        Assert.All(wide.Zip(half), pair => Assert.Equal(pair.First, pair.Second, 5e-3 * pair.First / 10));

        double[] Losses(string folder)
        {
            var config = TrainerRun.Small() with { MaxSteps = 3 };
            using var run = new TrainerRun(
                TestDevice.Cpu, config, TrainerRun.RandomRows(4), adapter: null, quantization: quantization, folder: folder,
                isFull: isFull);
            var state = run.Trainer.Train(cancellationToken: TestContext.Current.CancellationToken);
            return [.. state.LogHistory.Select(entry => entry.Loss!.Value)];
        }
    }

    private static void ToHalf(Dictionary<string, RawTensor> tensors)
    {
        foreach (var (name, tensor) in tensors.ToArray())
        {
            float[] values = tensor.DType == "F32"
                ? MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray()
                : [.. MemoryMarshal.Cast<byte, ushort>(tensor.Bytes).ToArray().Select(BFloat16.ToSingle)];
            byte[] bytes = MemoryMarshal.AsBytes<Half>([.. values.Select(value => (Half)value)]).ToArray();
            tensors[name] = tensor with { DType = "F16", Bytes = bytes };
        }
    }
}
