using Lapidary.Engine.Tests.Reference;
using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceWeightGradientTests
{
    private const float Epsilon = 1e-6f;

    /// <summary>Rows and dim: odd ones, those of several blocks of rows, of several tiles of columns, and Gemma's.</summary>
    public static IEnumerable<object[]> Norms => DeviceRun.Each(
        [1, 1], [3, 5], [1, 640], [31, 2], [33, 130], [64, 257], [301, 70], [2000, 3], [513, 640], [1100, 34], [40, 2561]);

    /// <summary>Tokens, headDim, heads.</summary>
    public static IEnumerable<object[]> Heads => DeviceRun.Each(
        [1, 2, 1], [5, 10, 3], [40, 32, 4], [17, 34, 2], [64, 62, 1], [65, 128, 3], [200, 256, 4], [1000, 256, 1]);

    /// <summary>Tokens, out, in.</summary>
    public static IEnumerable<object[]> Linears => DeviceRun.Each(
        [1, 1, 1], [7, 65, 51], [70, 37, 130], [130, 96, 320], [3, 8, 1300], [257, 40, 128], [500, 640, 64]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Norms))]
    public void RmsNorm_AddsTheSumOverRows(string device, int rows, int dim)
    {
        using var run = DeviceRun.On(device);
        Tensor x = run.NormalWide(3, rows, dim), weight = run.Normal(DType.Float32, 0.5, dim), dy = run.Normal(1, rows, dim);
        Tensor y = run.New(rows, dim), rstd = run.New(DType.Float32, rows), dx = run.NewWide(rows, dim), frozenDx = run.NewWide(rows, dim);
        Tensor dSum = run.From(run.Backend.ResidualDType, run.Doubles(dy), rows, dim); // of the stream: the same numbers
        run.Backend.RmsNormForward(x, weight, null, Epsilon, y, rstd);
        double[] there = run.Doubles(run.Normal(DType.Float32, 1, dim));
        Tensor dWeight = run.From(DType.Float32, there, dim), again = run.From(DType.Float32, there, dim);
        var post = run.From(DType.Float32, there, dim);

        run.Backend.RmsNormBackward(dSum, x, weight, rstd, dx: null, add: false, post);
        run.Backend.RmsNormBackward(dy, x, weight, rstd, dx, add: false, dWeight);
        run.Backend.RmsNormBackward(dy, x, weight, rstd, dx: null, add: false, again);
        run.Backend.RmsNormBackward(dy, x, weight, rstd, frozenDx, add: false, dWeight: null);

        double[] sums = NormReference.WeightGradient([.. run.Doubles(dy).Chunk(dim)], [.. run.Doubles(x).Chunk(dim)], Epsilon);
        run.AssertClose(Plus(there, sums), dWeight, 1e-5);
        Assert.Equal(run.Doubles(dWeight), run.Doubles(again));
        Assert.Equal(run.Doubles(dWeight), run.Doubles(post));
        Assert.Equal(run.Doubles(frozenDx), run.Doubles(dx));
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void QkNormRope_AddsTheSumOverTokensAndHeads(string device, int tokens, int headDim, int heads)
    {
        using var run = DeviceRun.On(device);
        int half = headDim / 2;
        float[] frequencies = [.. Enumerable.Range(0, half).Select(j => (float)Math.Pow(10000, -(double)j / half))];
        Tensor cos = run.New(DType.Float32, tokens, half), sin = run.New(DType.Float32, tokens, half);
        Tensor x = run.Normal(2, tokens, heads * headDim), weight = run.Normal(0.5, headDim), dy = run.Normal(1, tokens, heads * headDim);
        Tensor y = run.New(tokens, heads * headDim), rstd = run.New(DType.Float32, tokens * heads);
        Tensor dx = run.New(tokens, heads * headDim), frozenDx = run.New(tokens, heads * headDim);
        run.Backend.RopeTable(run.Ints([.. Enumerable.Range(0, tokens)]), run.Floats(frequencies), cos, sin);
        run.Backend.QkNormRopeForward(x, weight, cos, sin, Epsilon, y, rstd);
        double[] there = run.Doubles(run.Normal(DType.Float32, 1, headDim));
        Tensor dWeight = run.From(DType.Float32, there, headDim), again = run.From(DType.Float32, there, headDim);

        run.Backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, dx, dWeight);
        run.Backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, dx: null, again);
        run.Backend.QkNormRopeBackward(dy, x, weight, cos, sin, rstd, frozenDx, dWeight: null);

        double[][] back = [.. run.Doubles(dy).Chunk(headDim).Select((head, i) =>
            NormReference.Rotate(head, j => (double)(i / heads * frequencies[j]), sign: -1))];
        run.AssertClose(Plus(there, NormReference.WeightGradient(back, [.. run.Doubles(x).Chunk(headDim)], Epsilon)), dWeight, 1e-5);
        Assert.Equal(run.Doubles(dWeight), run.Doubles(again));
        Assert.Equal(run.Doubles(frozenDx), run.Doubles(dx));
    }

    [Theory]
    [MemberData(nameof(Linears))]
    public void Project_AddsTheProductOverTokens(string device, int tokens, int outDim, int dim)
    {
        using var run = DeviceRun.On(device);
        Tensor x = run.Normal(1, tokens, dim), dy = run.Normal(1, tokens, outDim), weight = run.Normal(DType.Float32, 0.1, outDim, dim);
        Tensor dx = run.New(tokens, dim), frozenDx = run.New(tokens, dim);
        double[] there = run.Doubles(run.Normal(DType.Float32, 1, outDim, dim));
        Tensor dWeight = run.From(DType.Float32, there, outDim, dim), again = run.From(DType.Float32, there, outDim, dim);
        var frozen = new Projection(weight, null);

        run.Backend.ProjectBackward([dy], x, [frozen with { WeightGradient = dWeight }], [null], dx, add: false);
        run.Backend.ProjectBackward([dy], x, [frozen with { WeightGradient = again }], [null], dx: null, add: false);
        run.Backend.ProjectBackward([dy], x, [frozen], [null], frozenDx, add: false);

        double[] gradient = run.Doubles(dy), input = run.Doubles(x);
        double[] sums = Sum(outDim, dim, tokens, (o, i, t) => gradient[t * outDim + o] * input[t * dim + i]);
        run.AssertClose(Plus(there, sums), dWeight, ProductTolerance(run));
        Assert.Equal(run.Doubles(dWeight), run.Doubles(again));
        Assert.Equal(run.Doubles(frozenDx), run.Doubles(dx));
    }

    /// <summary>Layers of one input, of which some are trained, some adapted and some both: each gradient is what it is alone.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Project_TrainsLayersBesideAdapters(string device)
    {
        const int Tokens = 50, Dim = 72, R = 8;
        int[] outDims = [96, 40, 24];
        using var run = DeviceRun.On(device);
        Tensor x = run.Normal(1, Tokens, Dim);
        Tensor[] dys = [.. outDims.Select(outDim => run.Normal(1, Tokens, outDim))], ys = [.. outDims.Select(n => run.New(Tokens, n))];
        var weights = outDims.Select(outDim => run.Normal(DType.Float32, 0.1, outDim, Dim)).ToArray();
        LoraAdapter NewAdapter(int i) => new(
            new Parameter("A", run.From(DType.Float32, Values(R * Dim, i), R, Dim), run.Zeros(DType.Float32, R, Dim)),
            new Parameter("B", run.From(DType.Float32, Values(outDims[i] * R, i), outDims[i], R), run.Zeros(DType.Float32, outDims[i], R)),
            2, null);

        var (trainedDx, trained) = Run(isTrained: true);
        var (frozenDx, frozen) = Run(isTrained: false);

        Assert.Equal(frozenDx, trainedDx);
        for (int i = 0; i < outDims.Length; i++)
        {
            Assert.Equal(Gradients(frozen[i]), Gradients(trained[i]));
            if (trained[i].WeightGradient is not { } dWeight) continue;
            double[] gradient = run.Doubles(dys[i]), input = run.Doubles(x);
            int outDim = outDims[i];
            double[] sums = Sum(outDim, Dim, Tokens, (o, j, t) => gradient[t * outDim + o] * input[t * Dim + j]);
            run.AssertClose(sums, dWeight, ProductTolerance(run));
        }

        (double[] Dx, Projection[] Projections) Run(bool isTrained)
        {
            Projection[] projections = [.. weights.Select((weight, i) => new Projection(weight, i == 0 ? null : NewAdapter(i))
            {
                WeightGradient = isTrained && i < 2 ? run.Zeros(DType.Float32, outDims[i], Dim) : null,
            })];
            Tensor?[] xas = [null, run.New(Tokens, R), run.New(Tokens, R)];
            var dx = run.New(Tokens, Dim);
            run.Backend.ProjectForward(x, projections, xas, ys);
            run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: false);
            return (run.Doubles(dx), projections);
        }

        double[] Gradients(Projection projection) => projection.Adapter is not { } adapter ? []
            : [.. run.Doubles(adapter.A.Gradient!), .. run.Doubles(adapter.B.Gradient!)];
    }

    /// <summary>Two blocks whose weights are all trained, the second computed again in the backward pass or not, run one by one at first
    /// and then as one captured unit.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Program_HasTheSameGradients_Recomputed_AndCaptured(string device)
    {
        const int Tokens = 37, Dim = 64, HeadDim = 16, Vocabulary = 50;
        using var run = DeviceRun.On(device);
        Tensor x = run.NormalWide(1, Tokens, Dim), labels = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t % Vocabulary)]);
        Tensor positions = run.Ints([.. Enumerable.Range(0, Tokens)]);
        Tensor frequencies = run.Floats([.. Enumerable.Range(0, HeadDim / 2).Select(j => 1f / (1 + j))]);
        Tensor head = run.Normal(DType.Float32, 0.3, Vocabulary, Dim), lossScale = run.Floats(1f / Tokens);
        var weights = (long[][])[[Dim], [Dim, Dim], [HeadDim], [Dim], [Dim], [Dim, Dim]];
        Parameter[] parameters = [.. Enumerable.Range(0, 2).SelectMany(block => weights.Select((shape, i) => new Parameter(
            $"{block}.{i}", run.From(DType.Float32, [.. Values((int)Count(shape), 10 * block + i).Select(v => 0.2 * v)], shape),
            run.Zeros(DType.Float32, shape))))];

        double[][] first = Gradients(recomputed: false, runs: 1);
        Assert.All(first, gradient => Assert.Contains(gradient, value => value != 0));
        Assert.All(first, gradient => Assert.All(gradient, value => Assert.True(double.IsFinite(value))));
        Assert.Equal(first, Gradients(recomputed: false, runs: 4));
        Assert.Equal(first, Gradients(recomputed: true, runs: 4));

        double[][] Gradients(bool recomputed, int runs)
        {
            using var program = new StepProgram(run.Backend);
            Tensor losses = run.New(DType.Float32, Tokens), hits = run.New(DType.Float32, Tokens);
            var tape = new Tape(program, training: true);
            foreach (var parameter in parameters) tape.Run(ops => ops.Zero(parameter.Gradient!));
            var rope = Ops.RopeTable(tape, positions, frequencies);
            var h = Block(tape, x, rope, parameters[..6]);
            Tensor Last(Tape tape, Tensor h) => Block(tape, h, rope, parameters[6..]);
            h = recomputed ? tape.Recompute(h, Last) : Last(tape, h);
            h = Ops.RmsNorm(tape, h, parameters[0].Value, Epsilon);
            Ops.LinearCrossEntropy(tape, h, head, labels, lossScale, losses, hits, dWeight: null);
            tape.Rewind();
            program.Complete(run.Backend.Memory);
            for (int i = 0; i < runs; i++) program.Run(run.Backend);
            return [.. parameters.Select(parameter => run.Doubles(parameter.Gradient!))];
        }

        static Tensor Block(Tape tape, Tensor h, RotaryTable rope, Parameter[] p)
        {
            var x = Ops.RmsNorm(tape, h, p[0].Value, Epsilon, residual: null, p[0].Gradient);
            x = Ops.Project(tape, x, new Projection(p[1].Value, null) { WeightGradient = p[1].Gradient })[0];
            x = Ops.QkNormRope(tape, x, p[2].Value, rope, Epsilon, p[2].Gradient);
            x = Ops.ProjectToResidual(tape, x, new Projection(p[5].Value, null) { WeightGradient = p[5].Gradient });
            var (sum, y) = Ops.RmsNormPair(tape, x, p[3].Value, h, p[4].Value, Epsilon, p[3].Gradient, p[4].Gradient);
            y = Ops.ProjectToResidual(tape, y, new Projection(p[1].Value, null) { WeightGradient = p[1].Gradient });
            return Ops.RmsNorm(tape, y, p[0].Value, Epsilon, residual: sum, p[0].Gradient);
        }
    }

    /// <summary>Tensor cores drop a few of the low bits of what they add; bf16 would be off by 2e-3.</summary>
    private static double ProductTolerance(DeviceRun run) => run.Of(fp32: 1e-5, fp16: 1e-4, bf16: 1e-4);

    private static long Count(long[] shape) => shape.Aggregate(1L, (a, b) => a * b);

    private static double[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() * 2 - 1)];
    }

    private static double[] Plus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
