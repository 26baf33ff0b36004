using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Tests.Cpu;

/// <summary>The order of sums on the CPU; what is summed is checked in DeviceWeightGradientTests.</summary>
public unsafe class WeightGradientTests
{
    [Fact]
    public void Project_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        Tensor x = run.Normal(1, 401, 130), weight = run.Normal(1, 257, 130);
        Tensor dy = run.Normal(1, 401, 257), dWeight = run.Normal(1, 257, 130);
        run.Backend.ProjectBackward([dy], x, [new Projection(weight, null) { WeightGradient = dWeight }], [null], dx: null, add: false);
        return [dWeight];
    });

    [Fact]
    public void Project_AllocatesNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor x = run.Normal(1, 40, 130), weight = run.Normal(1, 57, 130), dx = run.New(40, 130);
        Tensor[] dys = [run.Normal(1, 40, 57)];
        Projection[] projections = [new Projection(weight, null) { WeightGradient = run.Zeros(57, 130) }];
        Tensor?[] xas = [null];
        Close.AllocatesNothing(() => run.Backend.ProjectBackward(dys, x, projections, xas, dx, add: false));
    }

    /// <summary>The same calls on a backend and on its counter; frozen weights need no more scratch than they did.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scratch_IsCounted_AndOnlyOfTrainedWeights(bool isTrained)
    {
        using var backend = new CpuBackend(2);
        using var counter = CpuBackend.CreateCounter(2);
        long scratch = ScratchOf(counter, isTrained);
        Assert.Equal(ScratchOf(backend, isTrained), scratch);
        using var other = CpuBackend.CreateCounter(2);
        Assert.Equal(isTrained, scratch > ScratchOf(other, isTrained: false));
    }

    private static long ScratchOf(CpuBackend backend, bool isTrained)
    {
        const int Tokens = 600, Dim = 130, OutDim = 1024, HeadDim = 64;
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Activations);
        Tensor New(params long[] shape) => region.New("", DType.Float32, shape);
        Tensor? Gradient(params long[] shape) => isTrained ? New(shape) : null;
        Tensor x = New(Tokens, Dim), y = New(Tokens, OutDim), cos = New(Tokens, HeadDim / 2);
        var projection = new Projection(New(OutDim, Dim), null) { WeightGradient = Gradient(OutDim, Dim) };
        backend.ProjectBackward([y], x, [projection], [null], New(Tokens, Dim), add: false);
        backend.RmsNormBackward(x, x, New(Dim), New(Tokens), New(Tokens, Dim), add: false, Gradient(Dim));
        backend.QkNormRopeBackward(
            y, y, New(HeadDim), cos, cos, New(Tokens * OutDim / HeadDim), New(Tokens, OutDim), Gradient(HeadDim));
        return backend.Memory.LiveBytesOf(MemoryOwner.Workspace);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(70)]
    public void NormWeightTerms_HaveTheSameBitsForAnyVectors(int dim)
    {
        const int Rows = 600;
        using var run = new CpuRun();
        Tensor x = run.Normal(1, Rows, dim), dy = run.Normal(1, Rows, dim), rstd = run.Normal(1, Rows);
        AssertSameBitsForAnyVectors(run, Rows, dim, new NormWeightTerms
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dim = dim,
        });
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(34, 1)]
    [InlineData(66, 2)]
    public void QkNormWeightTerms_HaveTheSameBitsForAnyVectors(int headDim, int heads)
    {
        const int Tokens = 300;
        using var run = new CpuRun();
        Tensor x = run.Normal(1, Tokens, heads * headDim), dy = run.Normal(1, Tokens, heads * headDim);
        Tensor rstd = run.Normal(1, Tokens * heads);
        Tensor cos = run.Normal(1, Tokens, headDim / 2), sin = run.Normal(1, Tokens, headDim / 2);
        AssertSameBitsForAnyVectors(run, Tokens * heads, headDim, new QkNormWeightTerms
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            HeadDim = headDim,
            Heads = heads,
        });
    }

    private static void AssertSameBitsForAnyVectors<TTerms>(CpuRun run, int rows, int dim, TTerms terms) where TTerms : struct, IRowTerms
    {
        int blockRows = RowSumsKernel<TTerms>.RowsOfBlock(dim), blocks = (rows + blockRows - 1) / blockRows;
        byte[] expected = Sums<Lane1>();
        Assert.Equal(expected, Sums<Lanes128>());
        Assert.Equal(expected, Sums<Lanes256>());
        Assert.Equal(expected, Sums<Lanes512>());

        byte[] Sums<V>() where V : struct, ILanes<V>
        {
            var partials = run.New(blocks, dim);
            new RowSumsKernel<TTerms> { Terms = terms, Rows = rows, Dim = dim, Partials = partials.Pointer<float>() }
                .Run<V>(0, blocks, worker: 0);
            return Close.Bytes(partials);
        }
    }
}
