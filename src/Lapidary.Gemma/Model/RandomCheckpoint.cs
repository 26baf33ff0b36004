using System.Runtime.InteropServices;
using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>A model folder of any configuration with random bf16 weights, for benchmarks at real size.</summary>
public static class RandomCheckpoint
{
    /// <summary>Writes config.json and model.safetensors. Norm weights are 0, which is Gemma's 1; the others uniform with a standard deviation
    /// of <paramref name="gain"/> / √columns.</summary>
    /// <param name="folder">Created when absent.</param> <param name="config">Sizes.</param> <param name="seed">Of the weights.</param>
    /// <param name="gain">Near 1 a projection keeps the size of what goes through it.</param>
    public static void Write(string folder, GemmaConfig config, long seed, double gain = 1)
    {
        Directory.CreateDirectory(folder);
        config.WriteTo(folder, new GemmaConfigChanges { Dtype = "bfloat16" });
        var tensors = GemmaTensors.Of(config).ToArray();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, CheckpointFiles.Single), [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, "BF16", tensor.Shape.AsSpan()))]);
        for (int i = 0; i < tensors.Length; i++)
        {
            var (tensor, stream) = (tensors[i], i);
            writer.Write(tensor.Name, output => WriteRandom(tensor, new StableRandom(seed, stream), gain, output));
        }

        writer.Complete();
    }

    private static void WriteRandom(GemmaTensor tensor, StableRandom random, double gain, Stream output)
    {
        long count = tensor.Shape.Aggregate(1L, (product, size) => product * size);
        double bound = tensor.Shape.Length == 1 ? 0 : gain * Math.Sqrt(3.0 / tensor.Shape[^1]);
        var chunk = new ushort[Math.Min(count, 1 << 20)];
        for (long done = 0; done < count; done += chunk.Length)
        {
            int length = (int)Math.Min(chunk.Length, count - done);
            for (int j = 0; j < length; j++) chunk[j] = BFloat16.FromSingle((float)((random.NextDouble() * 2 - 1) * bound));
            output.Write(MemoryMarshal.AsBytes(chunk.AsSpan(0, length)));
        }
    }
}
