using System.Diagnostics;
using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>Time from a folder of bf16 weights, whose file the system holds in memory, to a model in NF4 on the GPU.</summary>
internal static class LoadBenchmark
{
    private const int Runs = 3;

    public static int Run(string size, string folder)
    {
        if (!Directory.Exists(folder)) Write(folder, GemmaConfig.Preset(size));
        long bytes = Directory.EnumerateFiles(folder, "*.safetensors").Sum(file => new FileInfo(file).Length);
        using var backend = new CudaBackend();
        Console.WriteLine($"{backend.Description}; {size}, {ByteSize.Format(bytes)} on disk, to NF4");
        for (int run = 0; run < Runs; run++)
        {
            var watch = Stopwatch.StartNew();
            using var model = GemmaModel.Load(folder, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
            backend.Synchronize();
            double seconds = watch.Elapsed.TotalSeconds;
            Console.WriteLine($"{seconds:F2} s, {bytes / seconds / 1e9:F2} GB/s; on the device {backend.Memory.Describe()}");
        }

        return 0;
    }

    /// <summary>Uniform bf16 numbers in ±0.0625 at the speed of the disk, which one generator per number does not reach:
    /// a megabyte of them, repeated from another place for each piece.</summary>
    private static void Write(string folder, GemmaConfig config)
    {
        const int Period = 1 << 20;
        ushort[] numbers = new ushort[2 * Period];
        var random = new Random(1);
        foreach (ref ushort x in numbers.AsSpan()) x = BFloat16.FromSingle((random.NextSingle() - 0.5f) / 8);

        Directory.CreateDirectory(folder);
        config.WriteTo(folder, new GemmaConfigChanges { Dtype = "bfloat16" });
        var tensors = GemmaTensors.Of(config).ToArray();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, "model.safetensors"),
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, "BF16", tensor.Shape.AsSpan()))]);
        foreach (var tensor in tensors)
        {
            long count = tensor.Shape.Aggregate(1L, (product, length) => product * length);
            writer.Write(tensor.Name, output =>
            {
                for (long done = 0; done < count; done += Period)
                {
                    output.Write(MemoryMarshal.AsBytes(numbers.AsSpan(random.Next(Period), (int)Math.Min(Period, count - done))));
                }
            });
        }

        writer.Complete();
    }
}
