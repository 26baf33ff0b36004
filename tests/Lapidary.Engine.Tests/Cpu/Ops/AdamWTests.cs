using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cpu;

public class AdamWTests
{
    private static readonly AdamWOptions Options = new(WeightDecay: 0.1);

    public static TheoryData<int> Counts => [.. Sizes.All, 16385];

    [Theory]
    [MemberData(nameof(Counts))]
    public void AdamW_OverThreeSteps_MatchesFp64(int count)
    {
        using var run = new CpuRun();
        Tensor weight = run.Normal(1, count), m = run.Zeros(count), v = run.Zeros(count), norm = run.Floats(4f, 0.25f, 1f);
        var expected = new AdamWReference(CpuRun.Doubles(weight), Options);
        for (int t = 1; t <= 3; t++)
        {
            var gradient = run.Normal(1, count);
            run.Backend.AdamW(gradient, norm, run.Floats(expected.Schedule(0.01f)), Options, weight, m, v);
            expected.Step(CpuRun.Doubles(gradient), clip: 0.25, learningRate: 0.01f);
        }

        // A few roundings a step; 1 − β₂ from an fp32 β₂ would be off by 200.
        Close.Equal(expected.M, m, roundings: 12, scale: 0.1);
        Close.Equal(expected.V, v, roundings: 12, scale: 0);
        Close.Equal(expected.Weight, weight, roundings: 12, scale: 1);
    }

    [Fact]
    public void AdamW_OfZeroGradients_DecaysAlone()
    {
        using var run = new CpuRun();
        Tensor weight = run.Floats(2f, -3f), zeros = run.Zeros(2);
        run.Backend.AdamW(zeros, run.Floats(0f, 1f, 0f), run.Floats(0.5f, 0.1f, 0.001f), Options, weight, run.Zeros(2), run.Zeros(2));
        Close.Equal([2 * 0.95, -3 * 0.95], weight, roundings: 3, scale: 0);
    }

    [Fact]
    public void AdamW_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        Tensor weight = run.Normal(1, 50_001), m = run.Normal(1, 50_001), v = run.Zeros(50_001), gradient = run.Normal(1, 50_001);
        run.Backend.AdamW(gradient, run.Floats(1f, 1f, 1f), run.Floats(0.01f, 0.1f, 0.001f), Options, weight, m, v);
        return [weight, m, v];
    });

    [Fact]
    public void AdamW_AllocatesNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor x = run.Normal(1, 40_000), norm = run.Floats(1f, 1f, 1f), schedule = run.Floats(0.01f, 0.1f, 0.001f);
        Tensor m = run.Zeros(40_000), v = run.Zeros(40_000);
        Close.AllocatesNothing(() => run.Backend.AdamW(x, norm, schedule, Options, x, m, v));
    }
}
