using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>What only the CPU promises: fp32 all the way, hence transformers' very tokens, and the same bits for any number of
/// threads.</summary>
public class CpuModelTests
{
    [Fact]
    public void Forward_GivesTheSameBitsForAnyNumberOfThreads()
    {
        using var golden = new Golden("forward");
        int[][] documents = ModelRun.Split(golden.Ids("short.input_ids"), 2);
        using CpuBackend oneThread = new(1), threeThreads = new(3);
        using var one = GemmaModel.Load(Fixtures.Path("tiny/model"), oneThread);
        using var three = GemmaModel.Load(Fixtures.Path("tiny/model"), threeThreads);
        using ModelRun first = new(one, documents), second = new(three, documents);

        Assert.Equal(first.Logits, second.Logits);
    }

    [Fact]
    public void Generate_GivesTransformersGreedyTokens()
    {
        using var golden = new Golden("generate");
        using var model = ModelRun.Load("model", new ModelOptions { DType = DType.Float32 });
        using var generator = new TextGenerator(model);
        int[] prompt = golden.Ids("prompt"), expected = golden.Ids("output")[prompt.Length..];

        Assert.Equal(
            expected,
            generator.Generate(prompt, new GenerationOptions { MaxNewTokens = expected.Length }, TestContext.Current.CancellationToken));
    }
}
