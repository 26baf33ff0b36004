using System.Diagnostics;
using System.Globalization;
using Lapidary.Engine;
using Lapidary.Engine.Cpu;
using Lapidary.Engine.Cuda;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data;

namespace Lapidary.Benchmarks;

/// <summary>Whole LoRA training steps of a random model of real size, beside the time that the matrix products of the same step take alone in
/// the same process.</summary>
internal static class TrainingBenchmark
{
    private const int Tokens = 512, Rank = 16;

    public static int Run(string[] args)
    {
        string size = args.Length > 0 ? args[0] : "270m";
        bool cuda = args.Length > 1 && args[1] == "cuda";
        int threads = args.Length > 1 && !cuda ? int.Parse(args[1], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        int steps = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 5;
        bool checkpointing = args.Length > 3 && bool.Parse(args[3]);
        var folder = Directory.CreateTempSubdirectory("lapidary-bench-");
        try
        {
            RandomCheckpoint.Write(folder.FullName, GemmaConfig.Preset(size), seed: 1);
            using IBackend backend = cuda ? new CudaBackend() : new CpuBackend(threads);
            var watch = Stopwatch.StartNew();
            using var model = GemmaModel.Load(folder.FullName, backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
            Console.WriteLine($"{backend.Description}; {size} quantized to NF4 in {watch.Elapsed.TotalSeconds:F2} s");
            Measure(model, steps, checkpointing);
            Console.WriteLine($"peak {ByteSize.Format(backend.Memory.PeakBytes)} of own memory, resident peak {ByteSize.Format(ResidentPeak())}");
            Console.WriteLine($"own memory now: {backend.Memory.Describe()}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static void Measure(GemmaModel model, int steps, bool checkpointing)
    {
        using var adapter = Adapter.Create(model, LoraConfig.Guide with { R = Rank, LoraDropout = 0, ModulesToSave = null }, seed: 1);
        var random = new Random(1);
        int[] ids = [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(model.Config.VocabSize))];
        var rows = new TrainingRows(new ExampleSet([new Example(ids, ids)], [0], 0, 0, 0, 0), PackingStrategy.None, Tokens, 0);
        string output = Directory.CreateTempSubdirectory("lapidary-bench-").FullName;
        var config = new SftConfig
        {
            OutputDir = output,
            Packing = false,
            MaxSteps = steps,
            GradientAccumulationSteps = 1,
            LoggingSteps = int.MaxValue,
            SaveStrategy = IntervalStrategy.No,
            GradientCheckpointing = checkpointing ? GradientCheckpointing.True : GradientCheckpointing.False,
        };
        var observer = new StepTimes();
        using (var trainer = new SftTrainer(model, adapter, config, rows, observer: observer)) trainer.Train();
        Directory.Delete(output, recursive: true);

        double step = observer.Median(skip: 2);
        if (model.Backend is CudaBackend)
        {
            Console.WriteLine($"step {step * 1000:F1} ms, {Tokens / step:F0} tokens/s; managed bytes per step {observer.Bytes}");
            return;
        }

        double products = ProductTimes.OfStep(model, Tokens, Rank, checkpointing);
        Console.WriteLine($"step {step * 1000:F0} ms, {Tokens / step:F1} tokens/s; products alone {products * 1000:F0} ms = {products / step:P0} of the step; "
            + $"managed bytes per step {observer.Bytes}");
    }

    private static long ResidentPeak()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private sealed class StepTimes : ITrainingObserver
    {
        private readonly List<double> _seconds = [];
        private long _last = Stopwatch.GetTimestamp();
        private long _bytes;

        public long Bytes { get; private set; }

        public void OnStep(TrainingProgress progress)
        {
            _seconds.Add(Stopwatch.GetElapsedTime(_last).TotalSeconds);
            _last = Stopwatch.GetTimestamp();
            long bytes = GC.GetTotalAllocatedBytes(precise: true);
            Bytes = bytes - _bytes;
            _bytes = bytes;
        }

        public double Median(int skip)
        {
            double[] sorted = [.. _seconds.Skip(skip).Order()];
            return sorted[sorted.Length / 2];
        }
    }
}
