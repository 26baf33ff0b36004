using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class CudaGraphTests
{
    [Fact]
    public void Launch_RepeatsTheWork_OnNewData()
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, 64, 128, 2);
        Tensor w = run.Import(weight.Tensor), x = run.Normal(1, 20, 128), y = run.New(20, 64), next = run.Normal(1, 20, 128);
        var expected = run.New(20, 64);
        backend.LinearForward(next, w, expected);
        backend.LinearForward(x, w, y);
        using var graph = backend.Capture(() => backend.LinearForward(x, w, y))!;
        backend.Zero(x);
        backend.Add(next, x);
        graph.Run();
        Assert.Equal(run.Doubles(expected), run.Doubles(y));
    }

    /// <summary>Kernels start before the one before them has ended: a chain of sums in which each needs all of the one before, with clears
    /// among them. Fibonacci's numbers up to 233 are exact in bf16.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(1_003)]
    [InlineData(300_007)]
    [InlineData(3_000_001)]
    public void Launch_KeepsTheOrderOfKernelsAndClears(int count)
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        Tensor one = run.From(DType.BFloat16, [.. Enumerable.Repeat(1.0, count)], count);
        Tensor a = run.New(DType.BFloat16, count), b = run.New(DType.BFloat16, count);
        void Chain()
        {
            backend.Zero(a);
            backend.Zero(b);
            backend.Add(one, a);
            for (int i = 0; i < 6; i++)
            {
                backend.Add(a, b);
                backend.Add(b, a);
            }
        }

        Chain();
        AssertSums();
        using var graph = backend.Capture(Chain)!;
        for (int i = 0; i < 20; i++) graph.Run();
        AssertSums();

        void AssertSums()
        {
            Assert.All(run.Doubles(b).Distinct(), value => Assert.Equal(144, value));
            Assert.All(run.Doubles(a).Distinct(), value => Assert.Equal(233, value));
        }
    }

    [Fact]
    public void Capture_ThatFails_LeavesTheStreamUsable()
    {
        using var run = DeviceRun.On("cuda");
        var backend = (CudaBackend)run.Backend;
        var x = run.Normal(1, 20);
        Assert.Throws<InvalidOperationException>(() => backend.Capture(() => throw new InvalidOperationException()));
        backend.Zero(x);
        Assert.All(run.Doubles(x), value => Assert.Equal(0, value));
    }
}
