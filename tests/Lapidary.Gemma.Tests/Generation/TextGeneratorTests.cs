using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Sampling;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

/// <summary>GemmaModelTests has transformers' tokens; here are the ways to choose them, and other devices.</summary>
[Collection(TestDevice.Cuda)]
public class TextGeneratorTests
{
    private const int NewTokens = 40;

    private static readonly ModelOptions Nf4 = new() { Quantization = QuantizationKind.Nf4, DType = DType.Float32 };

    public static TheoryData<string> Devices { get; } = [TestDevice.Cpu, TestDevice.Cuda, TestDevice.CudaFloat16];

    private static int[] Prompt { get; } = ReadPrompt();

    /// <summary>Drawn ids take the way over the host, likeliest ids stay on the device.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Generate_DrawingFromOne_IsGreedy(string device)
    {
        using var backend = On(device);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        using var generator = new TextGenerator(model);
        int[] greedy = Generate(generator, new GenerationOptions { MaxNewTokens = NewTokens });

        Assert.Equal(greedy, Generate(generator, new GenerationOptions { MaxNewTokens = NewTokens, DoSample = true, TopK = 1 }));
        Assert.Equal(greedy, Generate(generator, new GenerationOptions { MaxNewTokens = NewTokens }));
        Assert.Equal(
            greedy.TakeWhile(id => id != greedy[^1]),
            Generate(generator, new GenerationOptions { MaxNewTokens = NewTokens, StopTokenIds = [greedy[^1]] }));
    }

    /// <summary>A GPU's bf16 may turn a close decision, and then the texts part. So every choice is judged by what the CPU computes in fp32
    /// for the text that the GPU wrote: no id is rated higher by more than a small part of the spread of all.</summary>
    [Fact]
    public void Generate_OnCuda_ChoosesWhatTheCpuRatesHighest()
    {
        int[] chosen;
        using (var backend = On("cuda"))
        {
            using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
            using var generator = new TextGenerator(model);
            chosen = Generate(generator, new GenerationOptions { MaxNewTokens = NewTokens });
        }

        Assert.Equal(NewTokens, chosen.Length);
        using var reference = ModelRun.Load("model", Nf4);
        using var run = new ModelRun(reference, [[.. Prompt, .. chosen]]);
        int vocabulary = reference.Config.VocabSize;
        for (int i = 0; i < NewTokens; i++)
        {
            float[] logits = run.Logits.AsSpan((Prompt.Length - 1 + i) * vocabulary, vocabulary).ToArray();
            double mean = logits.Average(), deviation = Math.Sqrt(logits.Average(logit => (logit - mean) * (logit - mean)));
            double behind = (logits.Max() - logits[chosen[i]]) / deviation;
            Assert.True(
                behind < 0.1, $"New token {i}, id {chosen[i]}, is {behind:F3} standard deviations behind id {LogitScan.Largest(logits)}.");
        }
    }

    [Theory]
    [InlineData(new int[0], 1, "The prompt is empty; give at least one token.")]
    [InlineData(new[] { 2, -1 }, 1, "Prompt: expected ids from 0 to 1023, found -1 at index 1.")]
    [InlineData(new[] { 1024 }, 1, "Prompt: expected ids from 0 to 1023, found 1024 at index 0.")]
    [InlineData(new[] { 2 }, 0, "MaxNewTokens must be at least 1, got 0.")]
    public void Generate_RefusesWhatItCannotContinue(int[] prompt, int maxNewTokens, string message)
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var generator = new TextGenerator(model);
        var options = new GenerationOptions { MaxNewTokens = maxNewTokens };
        var error = Assert.Throws<LapidaryException>(() => generator.Generate(prompt, options, TestContext.Current.CancellationToken));
        Assert.Equal(message, error.Message);
        Assert.Equal(0, backend.Memory.LiveBytesOf(MemoryOwner.KvCache));
    }

    /// <summary>A model was trained on 512 positions here: there is nothing to continue a longer text by.</summary>
    [Fact]
    public void Generate_EndsWithTheContext_AndRefusesAPromptThatFillsIt()
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var generator = new TextGenerator(model);
        var options = new GenerationOptions { MaxNewTokens = int.MaxValue };
        int context = model.Config.MaxPositionEmbeddings;
        int[] prompt = [.. Enumerable.Repeat(5, context - 3)];
        Assert.Equal(3, generator.Generate(prompt, options, TestContext.Current.CancellationToken).Count());
        var error = Assert.Throws<LapidaryException>(
            () => generator.Generate([.. prompt, 5, 5, 5], options, TestContext.Current.CancellationToken));
        Assert.Equal($"The prompt has {context} tokens, expected fewer than the model's context of {context}; shorten it.", error.Message);
    }

    private static int[] Generate(TextGenerator generator, GenerationOptions options) =>
        [.. generator.Generate(Prompt, options, TestContext.Current.CancellationToken)];

    private static int[] ReadPrompt()
    {
        using var golden = new Golden("generate");
        return golden.Ids("prompt");
    }

    private static IBackend On(string device) => TestDevice.New(device, threads: 1);
}
