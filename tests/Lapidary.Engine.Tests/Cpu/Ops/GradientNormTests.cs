namespace Lapidary.Engine.Tests.Cpu;

public class GradientNormTests
{
    public static TheoryData<int> Counts => [.. Sizes.All, 16384, 16385, 100_003];

    [Theory]
    [MemberData(nameof(Counts))]
    public void Norm_IsTheRootOfAllSquares(int count)
    {
        using var run = new CpuRun(threads: 3);
        Tensor a = run.Normal(1, count), b = run.Normal(100, 7), result = run.New(3);
        run.Backend.GradientNorm([a, b], 1, scale: null, result);

        double norm = Math.Sqrt(CpuRun.Doubles(a).Concat(CpuRun.Doubles(b)).Sum(x => x * x));
        // fp64 sums: only the result is rounded.
        Close.Equal([norm, 1 / (norm + 1e-6), norm / (norm + 1e-6)], result, roundings: 4, scale: 0);
    }

    [Theory]
    [InlineData(0f, 1f)] // no clipping
    [InlineData(10f, 1f)] // below the limit
    [InlineData(2.5f, 0.5f)]
    public void Factor_ScalesTheNormDownToItsLimit(float maxNorm, float factor)
    {
        using var run = new CpuRun();
        var result = run.New(3);
        run.Backend.GradientNorm([run.Floats(3, 0), run.Floats(4)], maxNorm, scale: null, result);
        Close.Equal([5, factor, 5 * factor], result, roundings: 8, scale: 0);
    }

    /// <summary>Gradients that are too large by 2^40, a power of two, have the same norm to the bit, and the factor brings them
    /// back.</summary>
    [Theory]
    [InlineData(0f)]
    [InlineData(2.5f)]
    public void Scale_GivesTheNormOfTheTrueGradients(float maxNorm)
    {
        using var run = new CpuRun();
        Tensor plain = run.Normal(1, 1000), large = run.Floats(
            [.. plain.AsSpan<float>().ToArray().Select(x => x * MathF.ScaleB(1, 40))]);
        Tensor expected = run.New(3), result = run.New(3);
        run.Backend.GradientNorm([plain], maxNorm, scale: null, expected);
        run.Backend.GradientNorm([large], maxNorm, run.Floats(MathF.ScaleB(1, -40)), result);

        float[] want = expected.AsSpan<float>().ToArray();
        Assert.Equal([want[0], want[1] * MathF.ScaleB(1, -40), want[2]], result.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Norm_OfANaN_IsNaN_SoThatTheStepCanBeRefused()
    {
        using var run = new CpuRun();
        var result = run.New(3);
        run.Backend.GradientNorm([run.Floats(3, float.NaN)], 1, scale: null, result);
        Assert.Equal([float.NaN, float.NaN, float.NaN], result.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Norm_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var result = run.New(3);
        run.Backend.GradientNorm([run.Normal(1, 300_001), run.Normal(1, 50_000)], 1, scale: null, result);
        return [result];
    });

    [Fact]
    public void Norm_AllocatesNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor[] gradients = [run.Normal(1, 50_000), run.Normal(1, 5)];
        Tensor result = run.New(3), scale = run.Floats(0.5f);
        Close.AllocatesNothing(() => run.Backend.GradientNorm(gradients, 1, scale, result));
    }
}
