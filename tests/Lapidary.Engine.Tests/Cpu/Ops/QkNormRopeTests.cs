using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cpu;

public class QkNormRopeTests
{
    private const float Epsilon = 1e-6f;
    private const int Tokens = 5;
    private static readonly int[] Positions = [0, 1, 2, 511, 32767];

    // Two norm scalings, a product and a sum, after a sum of squares.
    private static double Roundings(int headDim) => 8 + Math.Sqrt(headDim);

    [Theory]
    [InlineData(5)]
    [InlineData(128)]
    public void RopeTable_IsCosAndSinOfTheFp32Angle(int half)
    {
        using var run = new CpuRun();
        var (frequencies, cos, sin) = Table(run, half);
        double[] angles = [.. Positions.SelectMany(p => frequencies.Select(f => (double)(p * f)))];
        Close.Equal([.. angles.Select(Math.Cos)], cos, roundings: 2, scale: 0);
        Close.Equal([.. angles.Select(Math.Sin)], sin, roundings: 2, scale: 0);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(10, 3)]
    [InlineData(32, 4)]
    [InlineData(34, 2)]
    [InlineData(62, 1)]
    [InlineData(128, 3)]
    [InlineData(256, 4)]
    public void Forward_MatchesFp64(int headDim, int heads)
    {
        using var run = new CpuRun();
        var (frequencies, cos, sin) = Table(run, headDim / 2);
        Tensor x = run.Normal(2, Tokens, heads * headDim), weight = run.Normal(0.5, headDim);
        Tensor y = run.New(Tokens, heads * headDim), rstd = run.New(Tokens * heads);

        run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);

        double[] expected = PerHead(x, headDim, (row, i) =>
            NormReference.Rotate(
                NormReference.Forward(row, CpuRun.Doubles(weight), Epsilon).Y, j => Positions[i / heads] * frequencies[j]));
        Close.Equal(expected, y, Roundings(headDim), scale: 5);
        double[] rstds = PerHead(x, headDim, (row, _) => [NormReference.Forward(row, CpuRun.Doubles(weight), Epsilon).Rstd]);
        Close.Equal(rstds, rstd, Roundings(headDim), 0);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(10, 3)]
    [InlineData(32, 4)]
    [InlineData(34, 2)]
    [InlineData(62, 1)]
    [InlineData(128, 3)]
    [InlineData(256, 4)]
    public void Backward_MatchesFp64(int headDim, int heads)
    {
        using var run = new CpuRun();
        var (frequencies, cos, sin) = Table(run, headDim / 2);
        Tensor x = run.Normal(2, Tokens, heads * headDim), weight = run.Normal(0.5, headDim), dy = run.Normal(1, Tokens, heads * headDim);
        Tensor y = run.New(Tokens, heads * headDim), rstd = run.New(Tokens * heads), dx = run.New(Tokens, heads * headDim);
        run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);

        run.Backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, dx, dWeight: null);

        double[] gradient = CpuRun.Doubles(dy);
        double[] expected = PerHead(x, headDim, (row, i) => NormReference.Backward(
            NormReference.Rotate(gradient.AsSpan(i * headDim, headDim), j => Positions[i / heads] * frequencies[j], sign: -1),
            row, CpuRun.Doubles(weight), Epsilon));
        Close.Equal(expected, dx, 4 * Roundings(headDim), scale: 3); // terms of about 3 cancel
    }

    [Fact]
    public void ForwardAndBackward_HaveTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        var (_, cos, sin) = Table(run, 17);
        Tensor x = run.Normal(1, Tokens, 340 * 34), weight = run.Normal(1, 34), y = run.New(Tokens, 340 * 34), rstd = run.New(Tokens * 340);
        Tensor dx = run.New(Tokens, 340 * 34), dWeight = run.Normal(1, 34);
        run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);
        run.Backend.QkNormRopeBackward(y, x, weight, cos, sin, rstd, dx, dWeight);
        return [cos, sin, y, rstd, dx, dWeight];
    });

    [Fact]
    public void ForwardAndBackward_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor positions = run.Ints(Positions), frequencies = run.Normal(1, 16), cos = run.New(Tokens, 16), sin = run.New(Tokens, 16);
        Tensor x = run.Normal(1, Tokens, 640), weight = run.Normal(1, 32), y = run.New(Tokens, 640);
        Tensor rstd = run.New(Tokens * 20), dx = run.New(Tokens, 640), dWeight = run.Zeros(32);
        Close.AllocatesNothing(() =>
        {
            run.Backend.RopeTable(positions, frequencies, cos, sin);
            run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);
            run.Backend.QkNormRopeBackward(y, x, weight, cos, sin, rstd, dx, dWeight);
        });
    }

    private static (float[] Frequencies, Tensor Cos, Tensor Sin) Table(CpuRun run, int half)
    {
        float[] frequencies = [.. Enumerable.Range(0, half).Select(j => (float)Math.Pow(10000, -(double)j / half))];
        Tensor cos = run.New(Tokens, half), sin = run.New(Tokens, half);
        run.Backend.RopeTable(run.Ints(Positions), run.Floats(frequencies), cos, sin);
        return (frequencies, cos, sin);
    }

    private static double[] PerHead(Tensor x, int headDim, Func<double[], int, double[]> head) =>
        [.. CpuRun.Doubles(x).Chunk(headDim).SelectMany(head)];
}
