using Lapidary.Engine.Tests.Cpu;
using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceNormTests
{
    private const float Epsilon = 1e-6f;
    private const int Rows = 3;
    private static readonly int[] Positions = [0, 1, 2, 511, 32767];

    public static IEnumerable<object[]> Types => DeviceRun.Each([DType.Float32], [DType.BFloat16], [DType.Float16]);

    public static IEnumerable<object[]> Heads => DeviceRun.Each([2, 1], [10, 3], [32, 4], [34, 2], [62, 1], [128, 3], [256, 4]);

    [Theory]
    [MemberData(nameof(Types))]
    public void RmsNorm_MatchesFp64(string device, DType weightType)
    {
        using var run = DeviceRun.On(device);
        foreach (int dim in Sizes.All)
        {
            Tensor x = run.NormalWide(3, Rows, dim), weight = run.Normal(weightType, 0.5, dim), residual = run.NormalWide(1, Rows, dim);
            Tensor y = run.New(Rows, dim), sum = run.NewWide(Rows, dim), rstd = run.New(DType.Float32, Rows);
            Tensor dy = run.Normal(1, Rows, dim), dx = run.NewWide(Rows, dim), added = run.NormalWide(1, Rows, dim);
            double[] w = run.Doubles(weight), vx = run.Doubles(x), gradient = run.Doubles(dy), there = run.Doubles(added);
            Tensor dSum = run.From(run.Backend.ResidualDType, gradient, Rows, dim), dResult = run.New(Rows, dim); // of the second call
            double[] expected = [.. vx.Chunk(dim).SelectMany(row => NormReference.Forward(row, w, Epsilon).Y)];
            double[] expectedDx =
                [.. vx.Chunk(dim).SelectMany((row, i) => NormReference.Backward(gradient.AsSpan(i * dim, dim), row, w, Epsilon))];

            run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);
            run.Backend.RmsNormForward(x, weight, residual, Epsilon, sum, rstd);
            run.Backend.RmsNormBackward(dy, x, weight, rstd, dx, add: false, dWeight: null);
            run.Backend.RmsNormBackward(dy, x, weight, rstd, added, add: true, dWeight: null);
            run.Backend.RmsNormBackward(dSum, x, weight, rstd, dResult, add: false, dWeight: null);

            run.AssertClose(expected, y);
            run.AssertClose(Plus(expected, run.Doubles(residual)), sum);
            run.AssertClose([.. vx.Chunk(dim).Select(row => NormReference.Forward(row, w, Epsilon).Rstd)], rstd, 1e-5);
            run.AssertClose(Plus(expectedDx, there), added);
            // With one element the gradient is zero but for ε: only its absolute size says something.
            if (dim == 1) continue;
            run.AssertClose(expectedDx, dx);
            run.AssertClose(expectedDx, dResult);
        }
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void QkNormRope_MatchesFp64(string device, int headDim, int heads)
    {
        using var run = DeviceRun.On(device);
        int tokens = Positions.Length, half = headDim / 2;
        float[] frequencies = [.. Enumerable.Range(0, half).Select(j => (float)Math.Pow(10000, -(double)j / half))];
        Tensor cos = run.New(DType.Float32, tokens, half), sin = run.New(DType.Float32, tokens, half);
        Tensor x = run.Normal(2, tokens, heads * headDim), weight = run.Normal(0.5, headDim), dy = run.Normal(1, tokens, heads * headDim);
        Tensor y = run.New(tokens, heads * headDim), rstd = run.New(DType.Float32, tokens * heads), dx = run.New(tokens, heads * headDim);

        run.Backend.RopeTable(run.Ints(Positions), run.Floats(frequencies), cos, sin);
        run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);
        run.Backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, dx, dWeight: null);

        double[] w = run.Doubles(weight), gradient = run.Doubles(dy);
        double[] angles = [.. Positions.SelectMany(p => frequencies.Select(f => (double)(p * f)))];
        double Angle(int head, int j) => angles[head / heads * half + j];
        double[][] perHead = [.. run.Doubles(x).Chunk(headDim)];
        run.AssertClose([.. angles.Select(Math.Cos)], cos, 1e-5);
        run.AssertClose([.. angles.Select(Math.Sin)], sin, 1e-5);
        run.AssertClose(
            [.. perHead.SelectMany((row, i) => NormReference.Rotate(NormReference.Forward(row, w, Epsilon).Y, j => Angle(i, j)))], y);
        run.AssertClose([.. perHead.Select(row => NormReference.Forward(row, w, Epsilon).Rstd)], rstd, 1e-5);
        run.AssertClose(
            [.. perHead.SelectMany((row, i) => NormReference.Backward(
                NormReference.Rotate(gradient.AsSpan(i * headDim, headDim), j => Angle(i, j), sign: -1), row, w, Epsilon))], dx);
    }

    private static double[] Plus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
