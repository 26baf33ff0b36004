using Lapidary.Engine;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

public class GenerationMemoryTests
{
    private const long Free = 1L << 32;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly ModelOptions Nf4 = new() { Quantization = QuantizationKind.Nf4 };

    [Theory]
    [InlineData(1, 40)]
    [InlineData(5, 400)]
    [InlineData(32, 512)]
    public async Task ThePrediction_IsWhatIsMeasured(int texts, int length)
    {
        var predicted = Predict(memory => memory.Of(texts, length));

        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, Nf4);
        var steps = new CachedSteps(model, texts, length);
        steps.RunOnce();
        var measured = backend.Memory.Live;
        Assert.All(Enum.GetValues<MemoryOwner>(), owner => Assert.Equal(predicted[owner], measured[owner]));

        // The engine's steps have other numbers of rows, and so other ids.
        using var engine = new GenerationEngine(model, steps);
        var options = new GenerationOptions { MaxNewTokens = 12 };
        var made = Enumerable.Range(0, texts).Select(
            i => engine.GenerateAsync([.. Enumerable.Repeat(3 + i, length - 12)], options, cancellationToken: Token));
        await Task.WhenAll(made.ToArray());
        var found = backend.Memory.Live;
        Assert.All(
            Enum.GetValues<MemoryOwner>().Except([MemoryOwner.Inputs]), owner => Assert.Equal(predicted[owner], found[owner]));
        Assert.InRange(found[MemoryOwner.Inputs], 1, predicted[MemoryOwner.Inputs] + (64 << 10));
    }

    /// <summary>The base with four adapters that share its steps, and one that has an embedding of its own and so an engine.</summary>
    [Fact]
    public void ThePrediction_CountsAdapters_AndTheirEngines()
    {
        const int Texts = 3, Length = 200;
        using var models = new AdaptedModels(new CpuBackend(2));
        var withEmbedding = models.With(
            new LoraConfig { R = 4, TargetModules = ModuleSelector.AllLinear, ModulesToSave = ["embed_tokens"] });
        using var shared = new CachedSteps(models.Models, Texts, Length);
        shared.RunOnce();
        using var own = new CachedSteps(withEmbedding, Texts, Length);
        own.RunOnce();
        var measured = models.Backend.Memory.Live;

        using var counter = CpuBackend.CreateCounter(2);
        using var skeleton = GemmaModel.Skeleton(models.Base.Config, counter, Nf4);
        var owned = new Stack<IDisposable>();
        GemmaModel[] counted = [.. models.Models.Skip(1).Append(withEmbedding).Select(WithAdapter)];
        var memory = new GenerationMemory([[skeleton, .. counted[..^1]], [counted[^1]]], Free, Free);

        var predicted = memory.Of(Texts, Length);
        Assert.All(
            Enum.GetValues<MemoryOwner>().Except([MemoryOwner.Workspace]), owner => Assert.Equal(measured[owner], predicted[owner]));
        // The scratch of an adapter is for the rows that have it. It is counted for all rows, and here none has one.
        Assert.InRange(predicted[MemoryOwner.Workspace] - measured[MemoryOwner.Workspace], 0, 1 << 10);
        Assert.True(measured[MemoryOwner.Parameters] > 4L * skeleton.Config.VocabSize * skeleton.Config.HiddenSize);
        Assert.InRange(memory.MostTexts(Length), 1, Predict(alone => alone.MostTexts(Length)) - 1);
        while (owned.TryPop(out var one)) one.Dispose();

        GemmaModel WithAdapter(GemmaModel like)
        {
            var model = skeleton.ShareWeights();
            var adapter = Adapter.UsedSkeleton(model, ((Adapter)like.Trained!).Config);
            model.Attach(adapter);
            owned.Push(model);
            owned.Push(adapter);
            return model;
        }
    }

    [Fact]
    public void TheLargestNumbers_Fit_AndOneMoreDoesNot()
    {
        const int Length = 300, Texts = 7;
        Predict(memory =>
        {
            int most = memory.MostTexts(Length), longest = memory.LongestText(Texts);
            Assert.InRange(most, 2, 4095);
            Assert.True(memory.Fits(most, Length) && !memory.Fits(most + 1, Length));
            Assert.InRange(longest, 2, 511);
            Assert.True(memory.Fits(Texts, longest) && !memory.Fits(Texts, longest + 1));
            return 0;
        }, free: 12 << 20);
        Predict(memory =>
        {
            Assert.Equal((0, 0), (memory.MostTexts(Length), memory.LongestText(1)));
            return 0;
        }, free: 1 << 10);
    }

    private static T Predict<T>(Func<GenerationMemory, T> of, long free = Free)
    {
        var config = GemmaConfig.Load(Fixtures.Path("tiny/model"));
        using var counter = CpuBackend.CreateCounter(2);
        using var model = GemmaModel.Skeleton(config, counter, Nf4);
        return of(new GenerationMemory(model, free, free));
    }
}
