namespace Lapidary.Engine.Tests.Cpu;

public class GradientNormTests
{
    public static TheoryData<int> Counts => [.. Sizes.All, 16384, 16385, 100_003];

    [Theory]
    [MemberData(nameof(Counts))]
    public void Norm_IsTheRootOfAllSquares(int count)
    {
        using var run = new CpuRun(threads: 3);
        Tensor a = run.Normal(1, count), b = run.Normal(100, 7), result = run.New(2);
        run.Backend.GradientNorm([a, b], 1, result);

        double norm = Math.Sqrt(CpuRun.Doubles(a).Concat(CpuRun.Doubles(b)).Sum(x => x * x));
        Close.Equal([norm, 1 / (norm + 1e-6)], result, roundings: 4, scale: 0); // fp64 sums: only the result is rounded
    }

    [Theory]
    [InlineData(0f, 1f)] // no clipping
    [InlineData(10f, 1f)] // below the limit
    [InlineData(2.5f, 0.5f)]
    public void Factor_ScalesTheNormDownToItsLimit(float maxNorm, float factor)
    {
        using var run = new CpuRun();
        var result = run.New(2);
        run.Backend.GradientNorm([run.Floats(3, 0), run.Floats(4)], maxNorm, result);
        Close.Equal([5, factor], result, roundings: 8, scale: 0);
    }

    [Fact]
    public void Norm_OfANaN_IsNaN_SoThatTheStepCanBeRefused()
    {
        using var run = new CpuRun();
        var result = run.New(2);
        run.Backend.GradientNorm([run.Floats(3, float.NaN)], 1, result);
        Assert.Equal([float.NaN, float.NaN], result.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Norm_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var result = run.New(2);
        run.Backend.GradientNorm([run.Normal(1, 300_001), run.Normal(1, 50_000)], 1, result);
        return [result];
    });

    [Fact]
    public void Norm_AllocatesNothing()
    {
        using var run = new CpuRun();
        Tensor[] gradients = [run.Normal(1, 50_000), run.Normal(1, 5)];
        var result = run.New(2);
        Close.AllocatesNothing(() => run.Backend.GradientNorm(gradients, 1, result));
    }
}
