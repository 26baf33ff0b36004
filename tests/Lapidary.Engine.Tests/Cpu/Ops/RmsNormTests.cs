using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cpu;

public class RmsNormTests
{
    private const float Epsilon = 1e-6f;

    // y has four roundings after a sum of positive terms in at least eight partial sums.
    private static double Roundings(int dim) => 6 + Math.Sqrt(dim);

    public static TheoryData<int> Dims => [.. Sizes.All];

    [Theory]
    [MemberData(nameof(Dims))]
    public void Forward_MatchesFp64(int dim)
    {
        using var run = new CpuRun();
        Tensor x = run.Normal(3, 3, dim), weight = run.Normal(0.5, dim), residual = run.Normal(1, 3, dim);
        Tensor y = run.New(3, dim), sum = run.New(3, dim), rstd = run.New(3);

        run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);
        run.Backend.RmsNormForward(x, weight, residual, Epsilon, sum, rstd);

        double[] expected = PerRow(x, row => NormReference.Forward(row, CpuRun.Doubles(weight), Epsilon).Y);
        Close.Equal(expected, y, Roundings(dim), scale: 0);
        Close.Equal([.. expected.Zip(CpuRun.Doubles(residual), (a, b) => a + b)], sum, Roundings(dim), scale: 4);
        Close.Equal(PerRow(x, row => [NormReference.Forward(row, CpuRun.Doubles(weight), Epsilon).Rstd]), rstd, Roundings(dim), scale: 0);
    }

    [Theory]
    [MemberData(nameof(Dims))]
    public void Backward_MatchesFp64_AndAdds(int dim)
    {
        using var run = new CpuRun();
        Tensor x = run.Normal(3, 3, dim), weight = run.Normal(0.5, dim), dy = run.Normal(1, 3, dim);
        Tensor y = run.New(3, dim), rstd = run.New(3), dx = run.New(3, dim), there = run.Normal(1, 3, dim), added = run.Copy(there);
        run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);

        run.Backend.RmsNormBackward(dy, x, weight, rstd, dx, add: false, dWeight: null);
        run.Backend.RmsNormBackward(dy, x, weight, rstd, added, add: true, dWeight: null);

        int i = 0;
        double[] gradient = CpuRun.Doubles(dy);
        double[] expected = PerRow(x, row => NormReference.Backward(gradient.AsSpan(i++ * dim, dim), row, CpuRun.Doubles(weight), Epsilon));
        Close.Equal(expected, dx, 4 * Roundings(dim), scale: 1); // two terms of about 1 cancel
        Close.Equal([.. expected.Zip(CpuRun.Doubles(there), (a, b) => a + b)], added, 4 * Roundings(dim), scale: 1);
    }

    [Theory]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float16)]
    public void Forward_ReadsWeightsOfEveryFloatingType(DType dtype)
    {
        using var run = new CpuRun();
        Tensor x = run.Normal(1, 2, 37), weight = run.As(dtype, run.Normal(0.5, 37)), y = run.New(2, 37), rstd = run.New(2);
        run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);
        Close.Equal(PerRow(x, row => NormReference.Forward(row, CpuRun.Doubles(weight), Epsilon).Y), y, Roundings(37), scale: 0);
    }

    [Fact]
    public void ForwardAndBackward_HaveTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        Tensor x = run.Normal(1, 301, 70), weight = run.Normal(1, 70), y = run.New(301, 70), rstd = run.New(301), dx = run.New(301, 70);
        run.Backend.RmsNormForward(x, weight, x, Epsilon, y, rstd);
        var dWeight = run.Normal(1, 70);
        run.Backend.RmsNormBackward(y, x, weight, rstd, dx, add: false, dWeight);
        return [y, rstd, dx, dWeight];
    });

    [Fact]
    public void ForwardAndBackward_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor x = run.Normal(1, 40, 640), weight = run.Normal(1, 640), y = run.New(40, 640), rstd = run.New(40), dWeight = run.Zeros(640);
        Close.AllocatesNothing(() =>
        {
            run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);
            run.Backend.RmsNormBackward(y, x, weight, rstd, y, add: true, dWeight);
        });
    }

    private static double[] PerRow(Tensor x, Func<double[], double[]> row) =>
        [.. CpuRun.Doubles(x).Chunk((int)x.Shape[^1]).SelectMany(row)];
}
