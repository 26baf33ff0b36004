using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>Decoding of texts of a base and of adapters over it, with an engine for each model and with engines that share steps.</summary>
internal static class AdaptersBenchmark
{
    private const int MostAdapters = 4, NewTokens = 72, Settling = 8, Rounds = 3, MaxLength = 256;

    /// <summary>Measures.</summary>
    /// <param name="size">A preset, with random weights in bf16.</param>
    public static async Task RunAsync(string size)
    {
        var owned = new Stack<IDisposable>();
        string folder = Directory.CreateTempSubdirectory("lapidary-adapter").FullName;
        try
        {
            var backend = Own(Backend.Auto());
            var model = Own(GemmaModel.Random(GemmaConfig.Preset(size), backend, new ModelOptions { DType = DType.BFloat16 }, seed: 1));
            using (var adapter = Adapter.Create(model, new LoraConfig { R = 16, TargetModules = ModuleSelector.AllLinear }, seed: 1))
                adapter.Save(folder, model);
            GemmaModel[] models = [model, .. Enumerable.Range(0, MostAdapters).Select(_ =>
            {
                var view = Own(model.ShareWeights());
                view.Attach(Own(Adapter.Load(view, folder)));
                return view;
            })];
            Console.WriteLine(
                $"{size} on {backend.Description}, adapters of rank 16 on all layers; ms for one token of every text, best of {Rounds}");
            Console.WriteLine("models           texts of each   own engines   shared steps   ratio");
            int[] texts = backend is CpuBackend ? [1, 4] : [1, 4, 16];
            foreach (int[] used in (int[][])[[1], [1, 2, 3, 4], [0], [0, 1]])
            {
                foreach (int each in used.Length == 1 ? texts[..1] : texts) await CompareAsync(models, used, each);
            }
        }
        finally
        {
            while (owned.TryPop(out var each)) each.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        T Own<T>(T each) where T : IDisposable
        {
            owned.Push(each);
            return each;
        }
    }

    private static async Task CompareAsync(GemmaModel[] models, int[] used, int texts)
    {
        GenerationEngine[] own = [.. used.Select(i => NewEngine(models[i], texts))];
        var first = NewEngine(models[0], texts * used.Length);
        GenerationEngine[] all = [first, .. models.Skip(1).Select(first.Join)];
        GenerationEngine[] shared = [.. used.Select(i => all[i])];
        double before = double.MaxValue, now = double.MaxValue;
        for (int round = 0; round <= Rounds; round++)
        {
            var (a, b) = (await MeasureAsync(own, texts, round), await MeasureAsync(shared, texts, round));
            if (round > 0) (before, now) = (Math.Min(before, a), Math.Min(now, b)); // the first one records
        }

        string names = string.Join('+', used.Select(i => i == 0 ? "base" : $"{i}"));
        Console.WriteLine($"{names,-16} {texts,13} {before * 1000,13:F2} {now * 1000,14:F2} {before / now,7:F2}");
        foreach (var engine in (GenerationEngine[])[.. own, .. all]) engine.Dispose();
    }

    private static GenerationEngine NewEngine(GemmaModel model, int texts) =>
        new(model, texts) { ReservedLength = MaxLength, GuessesTokens = false };

    /// <summary>Seconds for one token of every text, from when all have some until one ends.</summary>
    private static async Task<double> MeasureAsync(GenerationEngine[] engines, int texts, int round)
    {
        int count = engines.Length * texts, settled = 0, tokens = 0;
        long started = 0, ended = 0;
        var made = Enumerable.Range(0, count).Select(i =>
        {
            int mine = 0;
            int[] prompt = [.. Enumerable.Range(0, 16).Select(place => 3 + ((place * 7) + (i * 31) + (round * 101)) % 5000)];
            return engines[i % engines.Length].GenerateAsync(prompt, new GenerationOptions { MaxNewTokens = MaxLength - 16 }, _ =>
            {
                long at = Stopwatch.GetTimestamp();
                if (++mine == Settling && Interlocked.Increment(ref settled) == count) Volatile.Write(ref started, at);
                if (Volatile.Read(ref started) == 0) return true;
                if (Volatile.Read(ref ended) != 0) return false;
                if (Interlocked.Increment(ref tokens) == count * NewTokens) Volatile.Write(ref ended, at);
                return true;
            });
        });
        await Task.WhenAll(made.ToArray());
        return Stopwatch.GetElapsedTime(started, ended).TotalSeconds / NewTokens;
    }
}
