using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>A signal to any rank ends all of them after the same step.</summary>
[Collection(nameof(RankedRuns))]
public sealed class InterruptedRanksTests : IDisposable
{
    private readonly RankedTool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData(RankedTool.OpenMpi, 0)]
    [InlineData(RankedTool.Mpich, 1)]
    public async Task ASignalToARank_SavesOnce_AndTheRunGoesOnWithTheSameBits(string launcher, int rank)
    {
        Assert.SkipWhen(Tool.InheritsIgnoredInterrupts, "SIGINT is ignored here, as in a shell's background job.");
        var cancel = TestContext.Current.CancellationToken;
        MpiEnd end;
        using (var run = RankedTool.Start(launcher, 2, _tool.TrainLong("out", more: ["--save-strategy", "no"])))
        {
            bool HasSaid(string words) => run.LinesSoFar.Any(line => line.Text.StartsWith(words, StringComparison.Ordinal));
            await run.Until(() => HasSaid("model "), RankedTool.Limit, cancel);
            int process = run.ProcessOf(rank)!.Value;
            await run.Until(() => HasSaid("step 2/"), RankedTool.Limit, cancel);
            MpiRun.Send("INT", process);
            end = await run.End(RankedTool.Limit, cancel);
        }

        Assert.NotEqual(0, end.ExitCode);
        int step = Assert.Single(_tool.Checkpoints("out"));
        _tool.AssertNothingHalfWritten("out");
        string error = Assert.Single(RankedTool.Errors(end));
        Assert.Contains($"interrupted after step {step}; go on with: lapidary train --config ", error, StringComparison.Ordinal);
        RankedTool.AssertSpeaksAsOne(end);

        int steps = step + 2;
        await RankedTool.Ok(launcher, 2, _tool.Resume("out", "--max-steps", $"{steps}", "--save-strategy", "epoch"));
        await RankedTool.Ok(launcher, 2, _tool.TrainLong("whole", steps, "--save-strategy", "epoch"));
        _tool.AssertSameBits(_tool.Bits("whole", steps), "out", steps);
    }
}
