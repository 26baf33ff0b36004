using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Tests.Ranks;

namespace Lapidary.Training.Tests;

/// <summary>Runs that train all weights.</summary>
public sealed class FullTrainingTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Folder("out"),
        MaxSteps = 4,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 2,
        ReportTo = ReportTo.None,
    };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Train_LowersTheLoss_AndLeavesAModelInTheBasesType()
    {
        var state = Train(Config with { MaxSteps = 12, LearningRate = 3e-3 });
        Assert.True(state.LogHistory[^1].Loss < state.LogHistory[0].Loss - 1, $"{state.LogHistory[0].Loss} to {state.LogHistory[^1].Loss}");

        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Folder("out"), backend);
        Assert.Equal("bfloat16", model.Config.Dtype);
        var packed = new PackedDataSet(TrainerRun.RandomRows(4), PackingStrategy.None, 512, 0);
        using var evaluator = new Evaluator(model, packed, 1);
        Assert.True(evaluator.Run(Token).Loss < state.LogHistory[0].Loss - 1);
        Assert.Contains("fine-tuned (all weights)", File.ReadAllText(Path.Combine(Folder("out"), "README.md")), StringComparison.Ordinal);
        Assert.Contains("method: full", File.ReadAllLines(Path.Combine(Folder("out"), "run.yaml")));
    }

    [Fact]
    public void Resume_GoesOnToTheSameBits()
    {
        Train(Config);
        Train(Config with { OutputDir = Folder("part"), MaxSteps = 2, SaveSteps = 1 });
        Train(Config with { OutputDir = Folder("part") }, SftTrainer.LatestCheckpoint);
        foreach (string file in new[] { "model.safetensors", "checkpoint-4/model.safetensors", "checkpoint-4/optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(Folder("out"), file)), File.ReadAllBytes(Path.Combine(Folder("part"), file)));
    }

    [Fact]
    public void Resume_FromAnotherMethod_IsRefusedByName()
    {
        Train(Config);
        using var lora = new TrainerRun(TestDevice.Cpu, Config, TrainerRun.RandomRows(4), adapter: null);
        var error = Assert.Throws<LapidaryException>(() => lora.Trainer.Train(SftTrainer.LatestCheckpoint, Token));
        Assert.Contains("expected a checkpoint of method lora, found one of method full", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Norms are what transformers' Trainer leaves out.</summary>
    [Fact]
    public void WeightDecay_LeavesNormsAlone()
    {
        var plain = AfterOneStep(0);
        var decayed = AfterOneStep(0.1);
        foreach (var (name, values) in plain)
        {
            bool isNorm = name.Contains("norm", StringComparison.Ordinal);
            Assert.Equal(isNorm, values.AsSpan().SequenceEqual(decayed[name]));
        }

        Dictionary<string, float[]> AfterOneStep(double decay)
        {
            var config = Config with { MaxSteps = 1, WeightDecay = decay, OutputDir = Folder($"decay{decay}"), SaveStrategy = IntervalStrategy.No };
            using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(4), adapter: null, isFull: true);
            run.Trainer.Train(cancellationToken: Token);
            return run.Weights.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value.AsSpan<float>().ToArray());
        }
    }

    /// <summary>The first update of AdamW with clipping, from the gradients, in fp64.</summary>
    [Fact]
    public void Step_IsThatOfAPlainAdamW()
    {
        var config = Config with { MaxSteps = 1, WeightDecay = 0.05, SaveStrategy = IntervalStrategy.No };
        using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(4), adapter: null, isFull: true);
        float[][] before = [.. run.Weights.Parameters.Select(parameter => parameter.Value.AsSpan<float>().ToArray())];
        run.Trainer.Train(cancellationToken: Token);
        double[][] gradients =
            [.. run.Weights.Parameters.Select(p => p.Gradient!.AsSpan<float>().ToArray().Select(value => (double)value).ToArray())];
        double norm = Math.Sqrt(gradients.Sum(values => values.Sum(value => value * value)));
        double factor = Math.Min(1, config.MaxGradNorm / (norm + 1e-6));
        for (int p = 0; p < before.Length; p++)
        {
            var parameter = run.Weights.Parameters[p];
            double decay = parameter.Value.Shape.Length == 1 ? 0 : config.WeightDecay;
            var after = parameter.Value.AsSpan<float>();
            for (int i = 0; i < after.Length; i++)
            {
                double g = gradients[p][i] * factor;
                double expected = before[p][i] * (1 - config.LearningRate * decay)
                    - config.LearningRate * g / (Math.Abs(g) + config.AdamEpsilon);
                Assert.Equal(expected, after[i], 2e-6 + 1e-6 * Math.Abs(before[p][i]));
            }
        }
    }

    [Fact]
    public void Ranks_TrainAsOne()
    {
        var config = Config with { GlobalBatchSize = 4, MaxSteps = 3, OutputDir = Folder("one"), SaveSteps = 1 };
        var runs = new RankRuns(config, TrainerRun.RandomRows(12)) { IsFull = true };
        var alone = runs.Run(1)[0];
        var two = (runs with { Config = config with { OutputDir = Folder("two") } }).Run(2);
        Assert.Equal(two[0].Losses, two[1].Losses);
        Assert.Equal(two[0].Values, two[1].Values);
        for (int i = 0; i < alone.Losses.Count; i++) Assert.Equal(alone.Losses[i], two[0].Losses[i], 1e-4);

        // The moments, which the ranks have parts of, make one file.
        using (var one = SafetensorsFile.Open(Path.Combine(Folder("one"), "checkpoint-1", "optimizer.safetensors")))
        using (var both = SafetensorsFile.Open(Path.Combine(Folder("two"), "checkpoint-1", "optimizer.safetensors")))
        {
            Assert.Equal(one.Entries.Select(entry => entry.Name), both.Entries.Select(entry => entry.Name));
            foreach (var entry in one.Entries)
            {
                float[] expected = Floats(one, entry.Name), found = Floats(both, entry.Name);
                double scale = expected.Max(Math.Abs);
                for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-3 * scale + 1e-12);
            }
        }

        // A stopped run goes on to the same bits.
        var part = runs with { Config = config with { OutputDir = Folder("part"), MaxSteps = 2 } };
        part.Run(2);
        var resumed = (runs with { Config = config with { OutputDir = Folder("part") }, Resume = SftTrainer.LatestCheckpoint }).Run(2);
        Assert.Equal(two[0].Values, resumed[1].Values);
    }

    /// <summary>A model in the folder is not written over by accident, and comes back if the run that replaces it saves nothing.</summary>
    [Fact]
    public void Folder_WithAModel_IsKept()
    {
        string folder = Folder("out");
        Directory.CreateDirectory(folder);
        foreach (string name in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(Fixtures.Path("tiny/model"), name), Path.Combine(folder, name));
        byte[] before = File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
        Assert.Throws<LapidaryException>(() => Train(Config));
        Assert.True(ReplacedRun.IsIn(folder, TrainingMethod.Full));
        Assert.False(ReplacedRun.IsIn(folder, TrainingMethod.Lora));

        var replaced = new ReplacedRun(folder, TrainingMethod.Full);
        replaced.SetAside();
        Assert.False(File.Exists(Path.Combine(folder, "model.safetensors")));
        File.WriteAllText(Path.Combine(folder, "model.safetensors"), "half of a run");
        replaced.PutBack();
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));

        Train(Config with { OverwriteOutputDir = true });
        Assert.NotEqual(before, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Empty(Directory.GetDirectories(folder, "replaced-*"));
    }

    private static float[] Floats(SafetensorsFile file, string name) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(file.Bytes(name)).ToArray();

    private TrainerState Train(SftConfig config, string? resume = null)
    {
        using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(4), adapter: null, isFull: true, dtype: null);
        return run.Trainer.Train(resume, Token);
    }

    private string Folder(string name) => Path.Combine(_root, name);
}
