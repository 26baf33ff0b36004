using Lapidary.Engine;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Generation;

public class WaitingTextsTests
{
    [Theory]
    [InlineData("a1 a2 a3", "a1 a2 a3")]
    [InlineData("a1 a2 a3 b1", "a1 b1 a2 a3")]
    [InlineData("a1 a2 a3 b1 b2 c1", "a1 b1 c1 a2 b2 a3")]
    [InlineData("a1 a2 a3 - - b1 b2", "a1 a2 a3 b1 b2")] // b came in the second turn
    [InlineData("a1 a2 a3 a4 - - b1 b2", "a1 a2 a3 b1 a4 b2")]
    [InlineData("a1 - a2 b1", "a1 a2 b1")]
    public void Callers_TakeTurns(string coming, string expected)
    {
        var waiting = new WaitingTexts();
        var (names, taken) = (new Dictionary<EngineRequest, string>(), new List<string>());
        foreach (string name in coming.Split(' '))
        {
            if (name == "-") Take();
            else
            {
                var request = Request(caller: name[..1]);
                names.Add(request, name);
                waiting.Add(request);
            }
        }

        while (waiting.Count > 0) Take();
        Assert.Equal(expected, string.Join(' ', taken));

        void Take()
        {
            taken.Add(names[waiting.First]);
            waiting.RemoveFirst();
        }
    }

    /// <summary>However many callers there are, each has an entry only as long as it matters.</summary>
    [Fact]
    public void ManyCallers_AreForgotten_AndTheirOrderStays()
    {
        var waiting = new WaitingTexts();
        EngineRequest last = Request("last"), again = Request("last");
        for (int i = 0; i < 3000; i++)
        {
            waiting.Add(Request($"caller {i}"));
            waiting.RemoveFirst();
        }

        waiting.Add(last);
        waiting.Add(again);
        waiting.Add(Request("other"));
        Assert.Same(last, waiting.First);
        waiting.RemoveFirst();
        Assert.Equal("other", waiting.First.Caller);
    }

    [Fact]
    public async Task AnEngine_AnswersASecondCaller_BeforeTheFirstOnesQueueIsEmpty()
    {
        var stop = TestContext.Current.CancellationToken;
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend);
        using var engine = new GenerationEngine(model, maxTexts: 1);
        var options = new GenerationOptions { MaxNewTokens = 2 };
        var began = new List<string>();
        using var allAreThere = new ManualResetEventSlim();
        var first = engine.GenerateAsync([5], options, _ => Wait(), null, caller: "a", stop);
        Task[] others = [.. Enumerable.Repeat("a", 20).Append("b").Select(Ask)];
        allAreThere.Set();
        await Task.WhenAll([first, .. others]);

        Assert.Equal(21, began.Count);
        Assert.InRange(began.IndexOf("b"), 0, 1);

        Task Ask(string caller) => engine.GenerateAsync([5, 6], options with { MaxNewTokens = 1 }, _ => Note(caller), null, caller, stop);

        bool Note(string caller)
        {
            began.Add(caller); // on the engine's thread
            return true;
        }

        bool Wait()
        {
            allAreThere.Wait(stop);
            return true;
        }
    }

    private static EngineRequest Request(string caller) =>
        new(new RunningText(model: null!, [1], new GenerationOptions()), onToken: null, caller, CancellationToken.None);
}
