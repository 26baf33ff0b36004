using System.Diagnostics;
using System.Globalization;
using Lapidary.Engine;
using Lapidary.Engine.Cpu;
using Lapidary.Engine.Cuda;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>Greedy generation with a random model of real size in NF4, a token at a time, without and with a LoRA adapter.</summary>
internal static class GenerationBenchmark
{
    private const int PromptTokens = 128, Rank = 16;

    /// <summary>Tokens before the clock starts: kernels are loaded, the step is captured.</summary>
    private const int WarmUp = 4;

    public static int Run(string[] args)
    {
        string size = args.Length > 0 ? args[0] : "270m";
        bool cuda = args.Length > 1 && args[1] == "cuda";
        int threads = args.Length > 1 && !cuda ? int.Parse(args[1], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        int tokens = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 32;
        var folder = Directory.CreateTempSubdirectory("lapidary-bench-");
        try
        {
            RandomCheckpoint.Write(folder.FullName, GemmaConfig.Preset(size), seed: 1);
            using IBackend backend = cuda ? new CudaBackend() : new CpuBackend(threads);
            using var model = GemmaModel.Load(folder.FullName, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
            Console.WriteLine($"{backend.Description}; {size} in NF4, greedy, {tokens} tokens after a prompt of {PromptTokens}");
            Measure(model, tokens, "base");
            using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = Rank, LoraDropout = 0, ModulesToSave = null }, seed: 1);
            model.Attach(adapter);
            Measure(model, tokens, $"with LoRA of rank {Rank}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static void Measure(GemmaModel model, int tokens, string what)
    {
        var random = new Random(1);
        int[] prompt = [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(model.Config.VocabSize))];
        using var generator = new TextGenerator(model);
        long start = 0, bytes = 0;
        int count = 0;
        foreach (int id in generator.Generate(prompt, new GenerationOptions { MaxNewTokens = WarmUp + tokens }))
        {
            if (++count != WarmUp) continue;
            bytes = GC.GetTotalAllocatedBytes(precise: true);
            start = Stopwatch.GetTimestamp();
        }

        double perToken = Stopwatch.GetElapsedTime(start).TotalSeconds / tokens;
        bytes = (GC.GetTotalAllocatedBytes(precise: true) - bytes) / tokens;
        Console.WriteLine($"{what}: {perToken * 1000:F3} ms per token, {1 / perToken:F1} tokens/s; managed bytes per token {bytes}");
    }
}
