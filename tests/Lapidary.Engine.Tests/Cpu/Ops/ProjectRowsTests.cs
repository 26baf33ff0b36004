namespace Lapidary.Engine.Tests.Cpu;

public class ProjectRowsTests
{
    private const int Dim = 1152, R = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(70)]
    public void Projection_IsThatOfTheForwardPass(int rows)
    {
        using var run = new CpuRun();
        Tensor x = run.Normal(1, rows, Dim), y = run.New(rows, 130), expected = run.New(rows, 130), xa = run.New(rows, R);
        var projection = Adapted(run, 130);
        run.Backend.ProjectForward(x, [projection], [xa], [expected]);
        run.Backend.ProjectRows(x, [projection], [y]);
        Close.Equal(CpuRun.Doubles(expected), y, roundings: 20, scale: 5);
    }

    [Fact]
    public void Projection_OfARow_HasTheSameBitsForAnyNumberOfRows()
    {
        const int Most = 70;
        using var run = new CpuRun();
        Projection[] projections = [Adapted(run, 130), Adapted(run, 256), new(run.As(DType.BFloat16, run.Normal(0.05, 40, Dim)), null)];
        var x = run.Normal(1, Most, Dim);
        var all = Project(x);
        for (int rows = 1; rows <= Most; rows++)
        {
            var some = Project(x.Rows(0, rows));
            for (int i = 0; i < all.Length; i++) Assert.Equal(Close.Bytes(all[i].Rows(0, rows)), Close.Bytes(some[i]));
        }

        var last = Project(x.Rows(Most - 1, 1));
        for (int i = 0; i < all.Length; i++) Assert.Equal(Close.Bytes(all[i].Rows(Most - 1, 1)), Close.Bytes(last[i]));

        Tensor[] Project(Tensor input)
        {
            Tensor[] ys = [run.New(input.Shape[0], 130), run.New(input.Shape[0], 256), run.New(input.Shape[0], 40)];
            run.Backend.ProjectRows(input, projections, ys);
            return ys;
        }
    }

    [Fact]
    public void Projection_HasTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        Tensor x = run.Normal(1, 5, Dim), y = run.New(5, 700);
        run.Backend.ProjectRows(x, [Adapted(run, 700)], [y]);
        return [y];
    });

    [Fact]
    public void Projection_AllocatesNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor x = run.Normal(1, 3, Dim), y = run.New(3, 100);
        Projection[] projections = [Adapted(run, 100)];
        Tensor[] ys = [y];
        Close.AllocatesNothing(() => run.Backend.ProjectRows(x, projections, ys));
    }

    private static Projection Adapted(CpuRun run, int outDim)
    {
        Tensor a = run.Normal(0.05, R, Dim), b = run.Normal(0.05, outDim, R);
        var weight = run.As(DType.BFloat16, run.Normal(0.05, outDim, Dim));
        return new(weight, new LoraAdapter(new Parameter("A", a, null), new Parameter("B", b, null), 2, null));
    }
}
