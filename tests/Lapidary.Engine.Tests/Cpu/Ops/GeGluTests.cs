namespace Lapidary.Engine.Tests.Cpu;

public class GeGluTests
{
    // exp has 1.5 ulp = 3 roundings of its own plus the error of its argument, up to |z| ≈ 20 roundings where the result is not yet tiny.
    private const double Roundings = 40;

    public static TheoryData<int> Counts => [.. Sizes.All];

    [Theory]
    [MemberData(nameof(Counts))]
    public void Forward_MatchesFp64(int count)
    {
        using var run = new CpuRun();
        Tensor gate = run.Normal(2, count), up = run.Normal(1, count), y = run.New(count);
        run.Backend.GeGluForward(gate, up, y);
        Close.Equal([.. CpuRun.Doubles(gate).Zip(CpuRun.Doubles(up), (g, u) => Gelu(g) * u)], y, Roundings, scale: 1e-6);
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void Backward_MatchesCentralDifferences(int count)
    {
        using var run = new CpuRun();
        Tensor dy = run.Normal(1, count), gate = run.Normal(2, count), up = run.Normal(1, count);
        Tensor dGate = run.New(count), dUp = run.New(count);
        run.Backend.GeGluBackward(dy, gate, up, dGate, dUp);

        const double H = 1e-5; // fp64: truncation and rounding both below 1e-10
        double[] d = CpuRun.Doubles(dy), g = CpuRun.Doubles(gate), u = CpuRun.Doubles(up);
        double[] expected = [.. g.Select((x, i) => d[i] * u[i] * (Gelu(x + H) - Gelu(x - H)) / (2 * H))];
        Close.Equal(expected, dGate, Roundings, scale: 1); // σ and g·σ′ cancel near −0.75
        Close.Equal([.. g.Select((x, i) => d[i] * Gelu(x))], dUp, Roundings, scale: 1e-6);
    }

    [Theory]
    [InlineData(0f, 0f, 0.5f)]
    [InlineData(30f, 30f, 1f)]
    [InlineData(-30f, 0f, 0f)]
    [InlineData(1e10f, 1e10f, 1f)]
    [InlineData(-1e10f, 0f, 0f)]
    [InlineData(float.NaN, float.NaN, float.NaN)]
    public void Gelu_OfExtremeGates_IsExact(float gate, float gelu, float derivative)
    {
        using var run = new CpuRun();
        Tensor one = run.Floats(1), y = run.New(1), dGate = run.New(1), dUp = run.New(1);
        run.Backend.GeGluForward(run.Floats(gate), one, y);
        run.Backend.GeGluBackward(one, run.Floats(gate), one, dGate, dUp);
        Assert.Equal([gelu, derivative, gelu], [y.AsSpan<float>()[0] + 0f, dGate.AsSpan<float>()[0] + 0f, dUp.AsSpan<float>()[0] + 0f]);
    }

    [Fact]
    public void ForwardAndBackward_HaveTheSameBitsForAnyThreads() => Close.SameBitsForAnyThreads(run =>
    {
        Tensor gate = run.Normal(2, 50_001), up = run.Normal(1, 50_001), y = run.New(50_001);
        Tensor dGate = run.New(50_001), dUp = run.New(50_001);
        run.Backend.GeGluForward(gate, up, y);
        run.Backend.GeGluBackward(y, gate, up, dGate, dUp);
        return [y, dGate, dUp];
    });

    [Fact]
    public void ForwardAndBackward_AllocateNothing()
    {
        using var run = new CpuRun(threads: 1);
        Tensor gate = run.Normal(2, 40_000), up = run.Normal(1, 40_000), y = run.New(40_000);
        Close.AllocatesNothing(() =>
        {
            run.Backend.GeGluForward(gate, up, y);
            run.Backend.GeGluBackward(y, gate, up, gate, up);
        });
    }

    private static double Gelu(double g) => 0.5 * g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
}
