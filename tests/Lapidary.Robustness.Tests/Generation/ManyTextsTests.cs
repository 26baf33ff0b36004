using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Generation;

/// <summary>Many callers of one engine, with texts of all lengths, who cancel, stop reading, or fail at random.</summary>
public class ManyTextsTests
{
    private const int Kinds = 40;

    /// <summary>No answer changes, no slot is lost, and memory stays as it was.</summary>
    [Fact]
    public async Task Answers_AreThoseOfTextsAlone_AndNothingIsLost()
    {
        var token = TestContext.Current.CancellationToken;
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        var random = new Random(Numbers.Seed);
        var kinds = Enumerable.Range(0, Kinds).Select(kind => Kind(random, kind)).ToArray();
        var expected = new IReadOnlyList<int>[Kinds];
        using (var generator = new TextGenerator(model))
        {
            for (int i = 0; i < Kinds; i++) expected[i] = [.. generator.Generate(kinds[i].Prompt, kinds[i].Options, token)];
        }

        using var engine = new GenerationEngine(model, maxTexts: 8) { ReservedLength = 128 };
        int count = Numbers.Texts, whole = 0, ended = 0;
        long before = 0;
        using var room = new SemaphoreSlim(64);
        var callers = new List<Task>();
        for (int i = 0; i < count; i++)
        {
            await room.WaitAsync(token);
            callers.Add(Call(random.Next(Kinds), random.Next(10), random.Next(1, 12)));
            if (i == count / 2) before = LiveBytes();
        }

        await Task.WhenAll(callers);
        Assert.Equal(count, whole + ended);
        Assert.True(whole > count / 2, $"{whole} of {count} texts were read to their end.");
        Assert.Equal(before, LiveBytes());

        // All slots are free: as many texts as there are slots run at the same time.
        var last = Enumerable.Range(0, 8).Select(_ => engine.GenerateAsync(kinds[0].Prompt, kinds[0].Options, cancellationToken: token));
        Assert.All(await Task.WhenAll(last.ToArray()), text => Assert.Equal(expected[0], text.Ids));

        async Task Call(int kind, int fate, int after)
        {
            using var cancel = new CancellationTokenSource();
            int seen = 0;
            try
            {
                var text = await engine.GenerateAsync(kinds[kind].Prompt, kinds[kind].Options, OnToken, cancel.Token);
                Assert.Equal(expected[kind].Take(text.Ids.Count), text.Ids);
                if (text.Ids.Count == expected[kind].Count) Interlocked.Increment(ref whole);
                else Interlocked.Increment(ref ended);
            }
            catch (Exception e) when (e is OperationCanceledException or TimeoutException)
            {
                Interlocked.Increment(ref ended);
            }
            finally
            {
                room.Release();
            }

            bool OnToken(int id)
            {
                if (++seen != after) return true;
                if (fate == 0) cancel.Cancel();
                if (fate == 1) throw new TimeoutException("the reader left");
                return fate != 2;
            }
        }

        long LiveBytes() => backend.Memory.LiveBytesOf(MemoryOwner.KvCache) + backend.Memory.LiveBytesOf(MemoryOwner.Activations);
    }

    private static (int[] Prompt, GenerationOptions Options) Kind(Random random, int kind)
    {
        int[] prompt = [.. Enumerable.Range(0, random.Next(1, 100)).Select(_ => random.Next(1024))];
        return (prompt, new GenerationOptions { MaxNewTokens = random.Next(1, 16), DoSample = kind % 4 == 0, Seed = kind });
    }
}
