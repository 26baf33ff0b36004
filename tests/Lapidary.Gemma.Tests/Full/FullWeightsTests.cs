using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Full;

/// <summary>All weights trained: their gradients, their files, their memory.</summary>
public sealed class FullWeightsTests : IDisposable
{
    private static readonly int[][] Documents = [.. Enumerable.Range(0, 3)
        .Select(row => Enumerable.Range(0, 21).Select(i => 3 + (row * 997 + i * i * 31) % 1000).ToArray())];

    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, bool>();
            string[] names =
            [
                "embed_tokens", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "q_norm", "k_norm",
                "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm", "model.norm",
            ];
            foreach (string name in names) kinds.Add(name, false);
            kinds.Add("embed_tokens", true);
            kinds.Add("lm_head", true);
            return kinds;
        }
    }

    /// <summary>The slope of the loss along the gradient of one kind of weight in all layers, and along a random direction.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradient_MatchesCentralDifferencesOfTheLoss(string kind, bool untied)
    {
        using var backend = new CpuBackend(2);
        using var model = Model(backend, untied);
        using var weights = FullWeights.Create(model);
        model.Attach(weights);
        Parameter[] parameters = [.. weights.Parameters.Where(parameter => parameter.Name.Contains(kind, StringComparison.Ordinal))];
        Assert.NotEmpty(parameters);
        using var run = new ModelRun(model, Documents, training: true);
        double[][] gradient = [.. parameters.Select(p => p.Gradient!.AsSpan<float>().ToArray().Select(value => (double)value).ToArray())];
        double norm = Norm(gradient);
        Assert.True(norm > 1e-4, $"The gradient's norm is {norm}.");
        var random = new Random(3);
        double[][] mixed = [.. gradient.Select(values => values.Select(value => value / norm).ToArray())];
        double[][] noise = [.. gradient.Select(values => values.Select(_ => random.NextDouble() - 0.5).ToArray())];
        double noiseNorm = Norm(noise);
        foreach (double share in new[] { 0, 0.7 })
        {
            double[][] direction = [.. mixed.Zip(noise, (g, n) => g.Zip(n, (x, y) => x * (1 - share) + share * y / noiseNorm).ToArray())];
            double expected = gradient.Zip(direction, (g, d) => g.Zip(d, (x, y) => x * y).Sum()).Sum();
            double step = Math.Min(0.05, 0.02 / norm);
            Move(parameters, direction, step);
            run.Repeat();
            double above = run.Loss;
            Move(parameters, direction, -2 * step);
            run.Repeat();
            double slope = (above - run.Loss) / (2 * step);
            Move(parameters, direction, step);
            Assert.Equal(expected, slope, 0.01 * Math.Abs(expected));
        }
    }

    [Fact]
    public void Gradient_IsTheSameWithRecomputedLayers_AndForAnyNumberOfThreads()
    {
        float[] expected = Gradients(threads: 1, checkpointing: false);
        Assert.Equal(expected, Gradients(threads: 3, checkpointing: false));
        Assert.Equal(expected, Gradients(threads: 2, checkpointing: true));

        static float[] Gradients(int threads, bool checkpointing)
        {
            using var backend = new CpuBackend(threads);
            using var model = Model(backend, untied: true);
            using var weights = FullWeights.Create(model);
            model.Attach(weights);
            using var run = new ModelRun(model, Documents, training: true, checkpointing);
            return [.. weights.Blocks.SelectMany(block => block.Gradients!.AsSpan<float>().ToArray())];
        }
    }

    /// <summary>With W′ = W + s·B·A, the chain rule gives PEFT's gradients from that of W′: dB = s·dW′·Aᵀ and dA = s·Bᵀ·dW′. The golden has
    /// them from transformers and PEFT, for every projection.</summary>
    [Fact]
    public void Gradient_OfAMergedModel_GivesPeftsGradientsOfTheAdapter()
    {
        using var golden = new Golden("lora_grad");
        using var backend = new CpuBackend(2);
        var options = new ModelOptions { DType = DType.Float32 };
        Merger.Merge(
            Fixtures.Path("tiny/model"), Fixtures.Path("tiny/adapter"), _folder, new MergeOptions { DType = DType.Float32 }, backend);
        using var model = GemmaModel.Load(_folder, backend, options);
        using var weights = FullWeights.Create(model);
        using var original = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, options);
        using var adapter = Adapter.Load(original, Fixtures.Path("tiny/adapter"));
        model.Attach(weights);
        using var run = new ModelRun(model, ModelRun.Split(golden.Ids("input_ids"), 2), training: true);
        Assert.Equal(golden.Floats("loss")[0], run.Loss, 1e-4);
        int compared = 0;
        foreach (var layer in model.LinearLayers)
        {
            var (a, b) = (Of($"{layer.Name}.lora_A.weight"), Of($"{layer.Name}.lora_B.weight"));
            var dw = weights.Parameters.Single(p => p.Name == $"{layer.Name}.weight").Gradient!;
            int rows = (int)dw.Shape[0], columns = (int)dw.Shape[1], rank = (int)a.Shape[0];
            float[] w = dw.AsSpan<float>().ToArray(), av = a.AsSpan<float>().ToArray(), bv = b.AsSpan<float>().ToArray();
            double scale = (double)adapter.Config.LoraAlpha / rank;
            double[] da = new double[av.Length], db = new double[bv.Length];
            for (int i = 0; i < rows; i++)
            {
                for (int k = 0; k < rank; k++)
                {
                    for (int j = 0; j < columns; j++)
                    {
                        db[i * rank + k] += scale * w[i * columns + j] * av[k * columns + j];
                        da[k * columns + j] += scale * bv[i * rank + k] * w[i * columns + j];
                    }
                }
            }

            AssertClose(golden.Floats($"grad.base_model.model.{layer.Name}.lora_A.weight"), da);
            AssertClose(golden.Floats($"grad.base_model.model.{layer.Name}.lora_B.weight"), db);
            compared++;
        }

        Assert.Equal(7 * model.Config.NumHiddenLayers, compared);
        Tensor Of(string name) => adapter.Parameters.Single(parameter => parameter.Name == name).Value;
    }

    [Theory]
    [InlineData(QuantizationKind.Nf4, "model")]
    [InlineData(QuantizationKind.None, "prequantized")]
    public void Create_OfAQuantizedBase_IsRefused(QuantizationKind quantization, string folder)
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(Fixtures.Path($"tiny/{folder}"), backend, new ModelOptions { Quantization = quantization });
        var error = Assert.Throws<LapidaryException>(() => FullWeights.Create(model));
        Assert.Contains("found 4 bits", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.Memory.LiveBytesOf(MemoryOwner.Parameters));
    }

    /// <summary>Names, types and order are the base's; unchanged weights have its bytes; a vision tower stays.</summary>
    [Theory]
    [InlineData("model")]
    [InlineData("multimodal")]
    public void Save_OfUnchangedWeights_WritesTheBase(string name)
    {
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path($"tiny/{name}"), backend, new ModelOptions { LoadOnUse = true });
        using var weights = FullWeights.Create(model);

        weights.Save(_folder, model);

        using var expected = Checkpoint.Open(Fixtures.Path($"tiny/{name}"));
        using var found = Checkpoint.Open(_folder);
        Assert.Equal(expected.Entries.Select(entry => entry.Name), found.Entries.Select(entry => entry.Name));
        foreach (var entry in expected.Entries)
            Assert.True(TensorStream.AreEqual(expected.Get(entry.Name), found.Get(entry.Name)), entry.Name);
        Assert.Equal(model.Config.Dtype, GemmaConfig.Load(_folder).Dtype);
        Assert.Equal(weights.FileBytes, expected.Entries.Where(e => TensorNames.TryNormalize(e.Name, out _)).Sum(e => e.LengthBytes));
    }

    [Fact]
    public void SaveCheckpoint_KeepsAllBits_AndIsAModel()
    {
        using var backend = new CpuBackend(2);
        using var model = Model(backend, untied: false);
        using var weights = FullWeights.Create(model);
        var random = new Random(1);
        foreach (var block in weights.Blocks)
            foreach (ref float value in block.Parameters[0].Value.AsSpan<float>()) value += (float)random.NextDouble() * 1e-6f;
        float[] values = All(weights);

        weights.SaveCheckpoint(_folder, model);
        using var other = FullWeights.Create(model);
        Assert.NotEqual(values, All(other));
        other.Restore(_folder, model);

        Assert.Equal(values, All(other));
        Assert.Equal("float32", GemmaConfig.Load(_folder).Dtype);
        using var loaded = GemmaModel.Load(_folder, backend);
        model.Attach(weights);
        using ModelRun trained = new(model, Documents), saved = new(loaded, Documents);
        Assert.Equal(trained.Loss, saved.Loss);
        using var files = Checkpoint.Open(_folder);
        Assert.DoesNotContain(files.Entries, entry => entry.Name == TensorNames.Head);
    }

    [Fact]
    public void LoadOnUse_LeavesNoMatrixOfTheBaseOnTheDevice()
    {
        var config = GemmaConfig.Preset("270m");
        using var device = new CpuBackend(1);
        using var counter = device.CreateCounter();
        using var model = GemmaModel.Skeleton(config, counter, new ModelOptions { LoadOnUse = true });
        using var weights = FullWeights.Skeleton(model);
        model.Attach(weights);
        Assert.InRange(counter.Memory.LiveBytesOf(MemoryOwner.Base), 1, 1 << 20);
        Assert.InRange(counter.Memory.LiveBytesOf(MemoryOwner.Parameters), 4 * weights.ParameterCount, 4 * weights.ParameterCount + (1 << 20));
        Assert.Equal(268_098_176, weights.ParameterCount);
    }

    private static GemmaModel Model(CpuBackend backend, bool untied)
    {
        if (!untied)
            return GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { DType = DType.Float32, LoadOnUse = true });
        var config = GemmaConfig.Load(Fixtures.Path("tiny/model")) with { TieWordEmbeddings = false };
        return GemmaModel.Random(config, backend, new ModelOptions { DType = DType.Float32 }, seed: 2);
    }

    private static float[] All(FullWeights weights) => [.. weights.Blocks.SelectMany(block => block.Values.AsSpan<float>().ToArray())];

    private static double Norm(double[][] values) => Math.Sqrt(values.Sum(part => part.Sum(value => value * value)));

    private static void Move(Parameter[] parameters, double[][] direction, double step)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            var values = parameters[i].Value.AsSpan<float>();
            for (int j = 0; j < values.Length; j++) values[j] += (float)(step * direction[i][j]);
        }
    }

    private static void AssertClose(float[] expected, double[] found)
    {
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 2e-4 * scale);
    }
}
