using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>A residual stream times a power of two gives the same step to the bit: nothing between the layers has a range of its
/// own.</summary>
public class ResidualScaleTests
{
    /// <summary>Where the tests of this class run.</summary>
    protected virtual string Device => TestDevice.Cpu;

    [Theory]
    [InlineData(6)]
    [InlineData(-6)]
    public void Train_WithAScaledResidualStream_HasTheSameLossesAndGradients(int exponent)
    {
        var (losses, norms, adapter) = Train(exponent: 0);
        var scaled = Train(exponent);
        Assert.Equal(losses, scaled.Losses);
        Assert.Equal(norms, scaled.Norms);
        Assert.Equal(adapter, scaled.Adapter);
    }

    private (double?[] Losses, double?[] Norms, byte[] Adapter) Train(int exponent)
    {
        string folder = Variant.Of(
            Fixtures.Path("tiny/model"), tensors => Scale(tensors, MathF.ScaleB(1, exponent)), json =>
            {
                json["tie_word_embeddings"] = false;
                json["rms_norm_eps"] = 1e-15; // lost beside the squares of any row
            });
        var config = TrainerRun.Small() with { MaxSteps = 3 };
        using var run = new TrainerRun(Device, config, TrainerRun.RandomRows(4), adapter: null, folder: folder);
        var state = run.Trainer.Train(cancellationToken: TestContext.Current.CancellationToken);
        return (
            [.. state.LogHistory.Select(entry => entry.Loss)], [.. state.LogHistory.Select(entry => entry.GradNorm)],
            File.ReadAllBytes(Path.Combine(config.OutputDir, "adapter_model.safetensors")));
    }

    /// <summary>Scales what is added to the stream: the embedding, and the two norms of each layer that end a block. Their 1 + w is cut to
    /// six bits, so that (1 + w) · scale − 1 is exact.</summary>
    private static void Scale(Dictionary<string, RawTensor> tensors, float scale)
    {
        const string Embedding = "model.embed_tokens.weight";
        tensors.Add("lm_head.weight", tensors[Embedding]);
        foreach (var (name, tensor) in tensors.ToArray())
        {
            bool isNorm = name.Contains("post_attention_layernorm", StringComparison.Ordinal)
                || name.Contains("post_feedforward_layernorm", StringComparison.Ordinal);
            if (!isNorm && name != Embedding) continue;
            float[] values = tensor.DType == "F32"
                ? MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray()
                : [.. MemoryMarshal.Cast<byte, ushort>(tensor.Bytes).ToArray().Select(BFloat16.ToSingle)];
            float[] scaled = [.. values.Select(w => isNorm ? MathF.Round((1 + w) * 32) / 32 * scale - 1 : w * scale)];
            tensors[name] = tensor with { DType = "F32", Bytes = MemoryMarshal.AsBytes<float>(scaled).ToArray() };
        }
    }
}
